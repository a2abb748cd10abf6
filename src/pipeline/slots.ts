/** A bound on how many do something at once. First come, first served. */
export type Slots = { take(): Promise<void>; give(): void; readonly taken: number };

export function makeSlots(limit: number): Slots {
  let taken = 0;
  const queue: (() => void)[] = [];
  return {
    take() {
      if (taken < limit) {
        taken += 1;
        return Promise.resolve();
      }
      return new Promise((resolve) => queue.push(resolve));
    },
    give() {
      const next = queue.shift();
      // The slot passes straight to the next in line, so `taken` never dips and never exceeds the limit.
      if (next) next();
      else taken -= 1;
    },
    get taken() {
      return taken;
    },
  };
}
