import { expect, test } from 'vitest';
import { barChart } from './bar-chart.ts';
import { asMarkdown, asTable } from './report.ts';
import { asJson, type Result, ratioTo, shown } from './result.ts';
import { summarise } from './statistics.ts';

const entry = (who: string, ...perSecond: number[]) => ({
  who,
  sample: '10 events',
  summary: summarise(perSecond.map((value) => ({ perSecond: value, peakMb: 100 }))),
});
const result: Result = {
  scenario: { name: 'backlog', about: 'ten events', compared: { figure: 'perSecond' } },
  entries: [entry('ceiling', 1_000, 3_000, 2_000), entry('worker', 1_500), entry('reference', 100)],
};

test('the worker is held against each of the others by the medians of the compared figure', () => {
  expect(ratioTo('ceiling', result)).toBe(0.75);
  expect(ratioTo('reference', result)).toBe(15);
  expect(ratioTo('referenceTitledOnce', result)).toBeUndefined();
  expect(asJson([result])).toMatchObject({
    scenarios: {
      backlog: {
        worker: { perSecond: 1_500 },
        ceiling: { perSecond: 2_000 },
        ratioToCeiling: 0.75,
        ratioToReference: 15,
      },
    },
  });
});

test('the table in a terminal is aligned, and says the ratios', () => {
  const lines = asTable(result).split('\n');
  expect(new Set(lines.slice(1, 4).map((line) => line.length)).size).toBe(1);
  expect(lines.at(-1)).toBe('  perSecond of the worker: 15 times that of reference');
});

test('the page shows medians, their spread and a chart', () => {
  const { page, charts } = asMarkdown([result], { when: '2026-01-01', node: '26', cores: 2, model: 'x' });
  expect(page).toContain('| perSecond | 2,000 (1,000–3,000) | 1,500 | 100 |');
  expect(page).toContain('![backlog](backlog.svg)');
  expect([...charts.keys()]).toEqual(['backlog.svg']);
});

test('a chart draws each bar to scale and escapes what it says', () => {
  const svg = barChart('a < b', [
    { label: 'worker', value: 50, from: 50, to: 50 },
    { label: '<script>', value: 100, from: 90, to: 100 },
  ]);
  const widths = [...svg.matchAll(/width="([\d.]+)" height/g)].map(([, width]) => Number(width));
  expect(widths[1]! / widths[0]!).toBeCloseTo(2);
  expect(svg).not.toContain('<script>');
});

test('figures are shown as far as they count', () => {
  expect([12_345.6, 0.012345, 7.891, 0].map(shown)).toEqual(['12,346', '0.0123', '7.89', '0']);
});
