/** A bound on how many do something at once. First come, first served. */
export type Slots = {
  take(): Promise<void>;
  /** Takes as many as are free just now, up to so many, and says how many those are. */
  takeFree(most: number): number;
  give(): void;
  /** May be moved while slots are taken: a lower one is reached as they are given back. */
  limit: number;
};

/** So many at once, to begin with. */
export function makeSlots(limit: number): Slots {
  let taken = 0;
  let current = limit;
  const queue: (() => void)[] = [];
  const admit = (): void => {
    while (taken < current && queue.length > 0) {
      taken += 1;
      queue.shift()!();
    }
  };
  return {
    take() {
      // Whoever waits comes before who comes now.
      if (taken < current && queue.length === 0) {
        taken += 1;
        return Promise.resolve();
      }
      return new Promise((resolve) => queue.push(resolve));
    },
    takeFree(most) {
      const free = queue.length > 0 ? 0 : Math.max(0, Math.min(most, current - taken));
      taken += free;
      return free;
    },
    give() {
      taken -= 1;
      admit();
    },
    get limit() {
      return current;
    },
    set limit(value) {
      current = value;
      admit();
    },
  };
}
