import { expect, test } from 'vitest';
import { repeatCommand } from './report.ts';
import { run } from './run.ts';

const FIRST_SEED = 1;
const RUNS = 500;

test('the pipeline keeps its promises in five hundred worlds where everything fails that can', async () => {
  const broken: string[] = [];
  const counts = { crashes: 0, unknownOutcomes: 0, conflicts: 0, paged: 0 };
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed += 1) {
    const result = await run(seed);
    if (result.violations.length > 0) broken.push(`${repeatCommand(seed)}\n  ${result.violations[0]}`);
    for (const name of Object.keys(counts) as (keyof typeof counts)[]) counts[name] += result.counts[name];
  }
  expect(broken.join('\n')).toBe('');
  // Else the worlds have become too peaceful to prove anything.
  for (const times of Object.values(counts)) expect(times).toBeGreaterThan(RUNS / 10);
}, 240_000);

test('a seed settles a run: the same one repeats every call and outcome, another one differs', async () => {
  const seeds = Array.from({ length: 40 }, (_, index) => 5_000 + index);
  const first = [];
  for (const seed of seeds) first.push(await run(seed));
  const second = [];
  // In another order, so that nothing left behind by one run can help another.
  for (const seed of seeds.toReversed()) second.unshift(await run(seed));
  expect(second.map(({ traceHash }) => traceHash)).toEqual(first.map(({ traceHash }) => traceHash));
  expect(second.map(({ counts }) => counts)).toEqual(first.map(({ counts }) => counts));
  expect(new Set(first.map(({ traceHash }) => traceHash)).size).toBe(seeds.length);
});

test('a run neither waits for real time nor asks for it, nor for chance', async () => {
  const { now } = Date;
  const { random } = Math;
  const asked: string[] = [];
  Date.now = () => {
    asked.push(`Date.now ${new Error().stack}`);
    return now();
  };
  Math.random = () => {
    asked.push('Math.random');
    return random();
  };
  try {
    for (let seed = 6_000; seed < 6_010; seed += 1) await run(seed);
  } finally {
    Date.now = now;
    Math.random = random;
  }
  expect(asked.filter((text) => text === 'Math.random' || /\/(src|simulation)\//.test(text))).toEqual([]);
});
