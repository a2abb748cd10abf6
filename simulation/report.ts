import type { Run } from './run.ts';

export type Total = {
  runs: number;
  firstSeed: number;
  /** The seeds of the runs that broke a promise. */
  failed: number[];
  events: number;
  crashes: number;
  unknownOutcomes: number;
  conflicts: number;
  pagedConversations: number;
};

export const repeatCommand = (seed: number): string => `npm run simulate -- --runs 1 --seed ${seed} --trace`;

/** Adds up runs. */
export function summarize(firstSeed: number): { add(run: Run): void; total(): Total } {
  const total: Total = {
    runs: 0,
    firstSeed,
    failed: [],
    events: 0,
    crashes: 0,
    unknownOutcomes: 0,
    conflicts: 0,
    pagedConversations: 0,
  };
  return {
    add({ seed, violations, counts }) {
      total.runs += 1;
      if (violations.length > 0) total.failed.push(seed);
      total.events += counts.events;
      total.crashes += counts.crashes;
      total.unknownOutcomes += counts.unknownOutcomes;
      total.conflicts += counts.conflicts;
      total.pagedConversations += counts.paged;
    },
    total: () => total,
  };
}
