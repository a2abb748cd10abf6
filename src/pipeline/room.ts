/** A bound on the bytes of large conversations that are in hand at once. */
export type Room = {
  /** Resolves when there is room for so many bytes; `give` them back once. More than there is in all counts as all of it. */
  take(bytes: number): Promise<() => void>;
};

/** First come, first served: a large conversation is not overtaken for ever by smaller ones. */
export function makeRoom(limitBytes: number): Room {
  let takenBytes = 0;
  const queue: { bytes: number; enter: () => void }[] = [];

  function admit(): void {
    for (let next = queue[0]; next && takenBytes + next.bytes <= limitBytes; next = queue[0]) {
      queue.shift();
      takenBytes += next.bytes;
      next.enter();
    }
  }

  return {
    take(wanted) {
      const bytes = Math.min(wanted, limitBytes);
      let given = false;
      const give = (): void => {
        if (given) return;
        given = true;
        takenBytes -= bytes;
        admit();
      };
      return new Promise((resolve) => {
        queue.push({ bytes, enter: () => resolve(give) });
        admit();
      });
    },
  };
}
