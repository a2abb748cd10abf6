import type { Scenario } from './scenarios.ts';
import type { Summary } from './statistics.ts';

export type Result = {
  scenario: Pick<Scenario, 'name' | 'about' | 'compared'>;
  entries: { who: string; sample: string | undefined; summary: Summary }[];
};

/** The worker's median of the compared figure over that of another contestant. */
export function ratioTo(other: string, { scenario, entries }: Result): number | undefined {
  const of = (who: string): number | undefined =>
    entries.find((entry) => entry.who === who)?.summary.median[scenario.compared.figure];
  const [own, others] = [of('worker'), of(other)];
  return own === undefined || others === undefined ? undefined : own / others;
}

/** What the last line says with --json. */
export function asJson(results: readonly Result[]): object {
  const scenarios = results.map((result) => {
    const contestants = result.entries.map(({ who, sample, summary }) => [
      who,
      { ...summary.median, sample, rounds: summary.rounds, min: summary.min, max: summary.max },
    ]);
    const ratios = {
      ratioToCeiling: ratioTo('ceiling', result),
      ratioToReference: ratioTo('reference', result),
      ratioToReferenceTitledOnce: ratioTo('referenceTitledOnce', result),
    };
    return [result.scenario.name, { ...Object.fromEntries(contestants), ...ratios }];
  });
  return { scenarios: Object.fromEntries(scenarios) };
}

export type Machine = { when: string; node: string; cores: number; model: string };

/** The same and where they were measured: for others to compute with. */
export const asFile = (results: readonly Result[], machine: Machine): string =>
  `${JSON.stringify({ ...machine, ...asJson(results) }, null, 2)}\n`;

/** Three figures that count, and no decimals where they are noise. */
export function shown(value: number): string {
  if (value === 0) return '0';
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}
