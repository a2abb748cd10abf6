/** A bin is 9 % wider than the one before: what is told of a duration is off by half of that at most. */
const BINS_AN_OCTAVE = 8;
const SHORTEST_MS = 0.125;
/** Up to 70 minutes; whatever is longer counts as that. */
const BINS = BINS_AN_OCTAVE * 25 + 1;

export type Durations = {
  add(ms: number): void;
  /** Adds what others have counted. */
  addAll(others: Durations): void;
  /** In milliseconds; undefined: nothing was counted. */
  quantile(share: number): number | undefined;
  clear(): void;
  readonly bins: Readonly<Uint32Array>;
};

/** Counts durations in bins: to add one costs a logarithm and no memory, however many there are. */
export function makeDurations(): Durations {
  const bins = new Uint32Array(BINS);
  return {
    bins,
    add(ms) {
      const bin = ms > SHORTEST_MS ? Math.ceil(BINS_AN_OCTAVE * Math.log2(ms / SHORTEST_MS)) : 0;
      bins[Math.min(bin, BINS - 1)]! += 1;
    },
    addAll(others) {
      for (let bin = 0; bin < BINS; bin += 1) bins[bin]! += others.bins[bin]!;
    },
    quantile(share) {
      const total = bins.reduce((sum, count) => sum + count, 0);
      if (total === 0) return undefined;
      const rank = Math.max(1, Math.ceil(total * share));
      let seen = 0;
      const bin = bins.findIndex((count) => {
        seen += count;
        return seen >= rank;
      });
      // The middle of the bin.
      const ms = SHORTEST_MS * 2 ** ((bin - 0.5) / BINS_AN_OCTAVE);
      return Number(ms.toPrecision(3));
    },
    clear: () => void bins.fill(0),
  };
}
