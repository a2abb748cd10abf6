/** The middle one, or the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value below which this share of the values lies (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!;
}

export type Figures = Record<string, number>;
export type Summary = { median: Figures; min: Figures; max: Figures; rounds: number };

/** Each figure by itself over several rounds. */
export function summarise(rounds: readonly Figures[]): Summary {
  const of = (choose: (values: number[]) => number): Figures =>
    Object.fromEntries(
      Object.keys(rounds[0] ?? {}).map((name) => [name, choose(rounds.map((figures) => figures[name]!))]),
    );
  return {
    median: of(median),
    min: of((values) => Math.min(...values)),
    max: of((values) => Math.max(...values)),
    rounds: rounds.length,
  };
}
