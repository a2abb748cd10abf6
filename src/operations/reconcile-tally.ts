import { z } from 'zod';
import { type FailureCode, failures } from '../pipeline/failures.ts';
import { plain } from './plain-text.ts';
import type { Outcome } from './reconcile-one.ts';

const count = z.int().nonnegative();

/** What became of the conversations that were met. One that Redis named twice is counted twice. */
export const Tally = z.strictObject({
  scanned: count,
  whole: count,
  persisted: count,
  erased: count,
  gone: count,
  /** Titles that were asked for and are stored, and those that did not come. */
  titled: count,
  untitled: count,
  /** By code, how many, and which: the first hundred. */
  refused: z.record(z.string(), z.strictObject({ count, sessionIds: z.array(z.string()) })),
});
export type Tally = z.output<typeof Tally>;

const MAX_IDS = 100;

/** Nothing yet. */
export const newTally = (): Tally => ({
  scanned: 0,
  whole: 0,
  persisted: 0,
  erased: 0,
  gone: 0,
  titled: 0,
  untitled: 0,
  refused: {},
});

/** Counts what became of one conversation. */
export function note(tally: Tally, sessionId: string, outcome: Outcome): void {
  tally.scanned += 1;
  if (outcome.kind === 'refused') refuse(tally, outcome.code, 1, [sessionId]);
  else tally[outcome.kind] += 1;
}

/** Adds what a page brought to the whole. */
export function addTo(total: Tally, { refused, ...counts }: Tally): void {
  for (const [name, count] of Object.entries(counts)) total[name as keyof typeof counts] += count;
  for (const [code, { count, sessionIds }] of Object.entries(refused)) refuse(total, code, count, sessionIds);
}

function refuse({ refused }: Tally, code: string, count: number, sessionIds: readonly string[]): void {
  const before = refused[code] ?? { count: 0, sessionIds: [] };
  refused[code] = {
    count: before.count + count,
    sessionIds: [...before.sessionIds, ...sessionIds].slice(0, MAX_IDS),
  };
}

/** How many were refused, for whatever reason. */
export const refusedIn = ({ refused }: Tally): number =>
  Object.values(refused).reduce((sum, { count }) => sum + count, 0);

/** The report for a person: only what there is. */
export function linesOf(tally: Tally, { isDryRun }: { isDryRun: boolean }): string[] {
  const refused = refusedIn(tally);
  const lines: [number, string][] = [
    [tally.whole, 'whole already'],
    [
      tally.persisted,
      isDryRun ? 'would be persisted: history lacks something' : 'persisted: history lacked something',
    ],
    [tally.erased, 'erased before, and stay so'],
    [tally.gone, 'gone from Redis meanwhile'],
    [refused, 'refused:'],
  ];
  const digits = String(Math.max(...lines.map(([count]) => count))).length;
  const line = (indent: number, number: number, text: string): string =>
    `${' '.repeat(indent)}${String(number).padStart(digits)}  ${text}`;
  const codes = Object.entries(tally.refused);
  const width = Math.max(...codes.map(([code]) => code.length));
  return [
    ...lines.filter(([count]) => count > 0).map(([count, text]) => line(2, count, text)),
    ...codes.map(([code, { count }]) => line(6, count, `${plain(code).padEnd(width)}  ${remedyOf(code)}`)),
    ...(tally.titled > 0 ? [`Titles given: ${tally.titled}.`] : []),
    ...(tally.untitled > 0
      ? [`Without a title for now: ${tally.untitled}. "history-worker titles" gives them one later.`]
      : []),
  ];
}

const remedyOf = (code: string): string => failures[code as FailureCode]?.remedy ?? '';
