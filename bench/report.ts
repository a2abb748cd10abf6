import { barChart } from './bar-chart.ts';
import { type Machine, type Result, ratioTo, shown } from './result.ts';

/** Rows of text, aligned: for a terminal. */
export function asTable({ scenario, entries }: Result): string {
  const figures = Object.keys(entries[0]?.summary.median ?? {});
  const rows = [
    ['', ...entries.map(({ who }) => who)],
    ...figures.map((figure) => [figure, ...entries.map(({ summary }) => cell(summary.median[figure]))]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((text, column) => (column === 0 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!)))
      .join('  '),
  );
  return [
    `${scenario.name}: ${scenario.about}`,
    ...lines.map((line) => `  ${line}`),
    ...ratioLines({ scenario, entries }),
  ].join('\n');
}

const cell = (value: number | undefined): string => (value === undefined ? '–' : shown(value));

function ratioLines(result: Result): string[] {
  const { figure } = result.scenario.compared;
  return ['ceiling', 'reference', 'referenceTitledOnce'].flatMap((other) => {
    const ratio = ratioTo(other, result);
    return ratio === undefined ? [] : [`  ${figure} of the worker: ${shown(ratio)} times that of ${other}`];
  });
}

/** A page for people, and the charts that it shows, by file name. */
export function asMarkdown(
  results: readonly Result[],
  machine: Machine,
): { page: string; charts: Map<string, string> } {
  const charts = new Map<string, string>();
  const sections = results.map((result) => {
    const { scenario, entries } = result;
    const { figure, lessIsBetter } = scenario.compared;
    const file = `${scenario.name}.svg`;
    const bars = entries.map(({ who, summary }) => ({
      label: who,
      value: summary.median[figure]!,
      from: summary.min[figure]!,
      to: summary.max[figure]!,
    }));
    charts.set(file, barChart(`${scenario.name}: ${figure}${lessIsBetter ? ' (less is better)' : ''}`, bars));
    const figures = Object.keys(entries[0]!.summary.median);
    const table = [
      `| | ${entries.map(({ who }) => who).join(' | ')} |`,
      `| --- |${' ---: |'.repeat(entries.length)}`,
      ...figures.map(
        (name) => `| ${name} | ${entries.map(({ summary }) => spread(summary, name)).join(' | ')} |`,
      ),
    ];
    const samples = entries.flatMap(({ who, sample }) => (sample ? [`${who}: ${sample}`] : []));
    return [
      `## ${scenario.name}`,
      '',
      `${scenario.about}.${samples.length > 0 ? ` Samples: ${samples.join(', ')}.` : ''} Rounds: ${entries[0]!.summary.rounds}.`,
      '',
      `![${scenario.name}](${file})`,
      '',
      ...table,
      '',
      ...ratioLines(result).map((line) => `- ${line.trim()}`),
      '',
    ].join('\n');
  });
  const page = [
    '# Benchmark',
    '',
    `${machine.when}, Node ${machine.node}, ${machine.cores} cores (${machine.model}); stand-ins and contestants share them.`,
    'Medians, with the smallest and the largest in brackets where there were several rounds. What is counted is for one event.',
    '',
    ...sections,
  ].join('\n');
  return { page, charts };
}

function spread({ median, min, max, rounds }: Result['entries'][number]['summary'], name: string): string {
  const value = cell(median[name]);
  if (rounds === 1 || min[name] === max[name]) return value;
  return `${value} (${cell(min[name])}–${cell(max[name])})`;
}
