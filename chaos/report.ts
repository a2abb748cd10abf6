import { type Finding, type Kind, kinds } from './check.ts';

export type Summary = {
  seed: number;
  events: number;
  conversations: number;
  faults: number;
  kills: number;
} & Record<Kind, number> & { durationMs: number };

export type Outcome = {
  seed: number;
  events: number;
  conversations: number;
  messages: number;
  renamings: number;
  begunAnew: number;
  counts: { faults: number; kills: number; skipped: number };
  findings: readonly Finding[];
  /** What the workers' ends were that should not have been. */
  crashes: readonly string[];
  /** Starts that failed while a service was away. */
  failedStarts: number;
  durationMs: number;
};

export function summaryOf({ seed, events, conversations, counts, findings, durationMs }: Outcome): Summary {
  const sums = Object.fromEntries(
    kinds.map((kind) => [
      kind,
      findings.reduce((sum, found) => (found.kind === kind ? sum + found.count : sum), 0),
    ]),
  ) as Record<Kind, number>;
  return { seed, events, conversations, faults: counts.faults, kills: counts.kills, ...sums, durationMs };
}

/** 0 if everything is as it must be, else 1. */
export const exitCodeOf = ({ findings, crashes }: Outcome): number =>
  findings.length + crashes.length === 0 ? 0 : 1;

/** For people: ids and counts only. */
export function describe(outcome: Outcome, folder: string): string {
  const { events, conversations, messages, counts, failedStarts, findings, crashes, durationMs } = outcome;
  const lines = [
    `${events} events of ${conversations} conversations (${messages} messages; ${outcome.begunAnew} begun anew, ${outcome.renamings} renamings) in ${(durationMs / 1000).toFixed(1)} s`,
    `${counts.faults} faults, ${counts.kills} workers ended, ${failedStarts} starts failed while a service was away, ${counts.skipped} faults not offered`,
    ...findings.map(({ kind, id, count, detail }) => `${kind.toUpperCase()} ${id}: ${count} (${detail})`),
    ...crashes.map((crash) => `CRASH ${crash}`),
    exitCodeOf(outcome) === 0
      ? 'Nothing lost, reverted, duplicated, crossed, wrongly dead-lettered or unsettled'
      : `Seed ${outcome.seed} repeats the load and the plan; the logs are in ${folder}`,
  ];
  return lines.join('\n');
}
