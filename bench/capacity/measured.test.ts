import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { asFile, type Result } from '../result.ts';
import { summarise } from '../statistics.ts';
import { readMeasured } from './measured.ts';

function reading(results: Result[]) {
  const folder = mkdtempSync(join(tmpdir(), 'measured-'));
  try {
    const file = join(folder, 'figures.json');
    writeFileSync(file, asFile(results, { when: '2027-01-01', node: '26', cores: 2, model: 'x' }));
    return readMeasured(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const scale = (who: string, perSecond: number, chatRequests: number): Result['entries'][number] => ({
  who,
  sample: undefined,
  summary: summarise([{ perSecond, chatRequests, requestUnits: 1.5, cosmosReads: 0 }]),
});
const results: Result[] = [
  {
    scenario: { name: 'scale', about: 'more and more', compared: { figure: 'perSecond' } },
    entries: [scale('worker', 100, 0.1), scale('2 workers', 190, 0.11), scale('4 workers', 300, 0.12)],
  },
  {
    scenario: { name: 'steady', about: 'an even pace', compared: { figure: 'cpuMs' } },
    entries: [{ who: 'worker', sample: undefined, summary: summarise([{ cpuMs: 1 }, { cpuMs: 3 }]) }],
  },
];

test('what the benchmark writes is what is read', () => {
  expect(reading(results)).toMatchObject({
    ...{ when: '2027-01-01', perSecond: 100, scalingShare: 0.75, cpuMs: 2 },
    titleRequests: { 1: 1, 2: 1.1, 4: 1.2 },
  });
});

test('a run that lacks a scenario says which', () => {
  expect(() => reading(results.slice(0, 1))).toThrow(/a whole run of "npm run bench".*scenarios\.steady/s);
});

test('the figures that are kept here are a whole run', () => {
  expect(readMeasured().perSecond).toBeGreaterThan(0);
});
