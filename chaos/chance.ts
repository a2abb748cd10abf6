/** A seeded source of chances: the same seed, the same sequence. */
export type Chance = {
  /** A whole number from 0 to below the limit. */
  below(limit: number): number;
  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number;
  pick<T>(list: readonly T[]): T;
  /** True so many times in a hundred. */
  percent(share: number): boolean;
  shuffle<T>(list: readonly T[]): T[];
};

export function makeChance(seed: number): Chance {
  // A Weyl sequence through two rounds of multiply and shift: enough to vary a load, and any seed will do.
  let state = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) >>> 0;
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x85ebca6b);
    mixed ^= mixed >>> 13;
    mixed = Math.imul(mixed, 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    between: (from, to) => from + below(to - from + 1),
    pick: (list) => list[below(list.length)]!,
    percent: (share) => below(100) < share,
    shuffle(list) {
      const result = [...list];
      for (let i = result.length - 1; i > 0; i -= 1) {
        const j = below(i + 1);
        [result[i], result[j]] = [result[j]!, result[i]!];
      }
      return result;
    },
  };
}
