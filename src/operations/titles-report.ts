import { type FailureCode, failures } from '../pipeline/failures.ts';
import type { Titled } from './title-one.ts';

export type TitleCounts = {
  titled: number;
  overtaken: number;
  refused: number;
  wordless: number;
  /** By code. */
  failed: Record<string, number>;
  /** Not tried: the budget is used up, or it was interrupted. */
  left: number;
};

/** What the outcomes are, and how many of the untitled have come to none. */
export function countTitles(outcomes: readonly Titled[], untitled: number): TitleCounts {
  const counts: TitleCounts = {
    titled: 0,
    overtaken: 0,
    refused: 0,
    wordless: 0,
    failed: {},
    left: untitled,
  };
  for (const outcome of outcomes) {
    if (outcome.kind === 'over-budget') continue;
    counts.left -= 1;
    if (outcome.kind === 'failed') counts.failed[outcome.code] = (counts.failed[outcome.code] ?? 0) + 1;
    else counts[outcome.kind] += 1;
  }
  return counts;
}

/** How many have none yet, for whatever reason. */
export const failedIn = ({ failed }: TitleCounts): number =>
  Object.values(failed).reduce((sum, count) => sum + count, 0);

/** The report for a person: only what there is. */
export function titleLines(counts: TitleCounts, tokens: number, untold: number): string[] {
  const lines: [number, string][] = [
    [counts.titled, 'have one now'],
    [counts.overtaken, 'were named by somebody, or deleted, meanwhile'],
    [counts.refused, 'the model refuses to name for good'],
    [counts.wordless, 'have nothing to be named by'],
    [failedIn(counts), 'have none yet:'],
    [counts.left, 'were not tried'],
  ];
  const digits = String(Math.max(...lines.map(([count]) => count))).length;
  const codes = Object.entries(counts.failed);
  const width = Math.max(...codes.map(([code]) => code.length));
  const whole = lines
    .filter(([count]) => count > 0)
    .flatMap(([count, text]) => [
      `  ${String(count).padStart(digits)}  ${text}`,
      ...(text.endsWith(':')
        ? codes.map(
            ([code, count]) =>
              `      ${String(count).padStart(digits)}  ${code.padEnd(width)}  ${failures[code as FailureCode].remedy}`,
          )
        : []),
    ]);
  const used =
    untold > 0
      ? `Tokens used: at most ${tokens}. Of ${untold === 1 ? 'one request' : `${untold} requests`} the model has not said it.`
      : `Tokens used: ${tokens}.`;
  return tokens > 0 ? [...whole, used] : whole;
}
