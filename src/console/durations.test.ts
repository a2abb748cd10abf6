import { expect, test } from 'vitest';
import { makeDurations } from './durations.ts';

test('quantiles are off by less than 5 %, from tenths of a millisecond to an hour', () => {
  for (const scale of [0.3, 12, 900, 60_000, 3_000_000]) {
    const durations = makeDurations();
    for (let index = 1; index <= 100; index += 1) durations.add((scale * index) / 100);
    for (const share of [0.5, 0.99]) {
      const exact = scale * share;
      expect(Math.abs(durations.quantile(share)! - exact) / exact).toBeLessThan(0.05 + 0.1 / exact);
    }
  }
});

test('nothing has no quantile; what is longer than all bins or negative counts at the end', () => {
  const durations = makeDurations();
  expect(durations.quantile(0.5)).toBeUndefined();
  durations.add(1e12);
  expect(durations.quantile(0.5)).toBeGreaterThan(3_600_000);
  durations.clear();
  durations.add(-5);
  expect(durations.quantile(0.99)).toBeLessThan(0.13);
});

test('sums count what each has counted', () => {
  const [one, other] = [makeDurations(), makeDurations()];
  one.add(1);
  for (let count = 0; count < 3; count += 1) other.add(1000);
  one.addAll(other);
  expect(one.quantile(0.25)).toBeCloseTo(1, 1);
  expect(one.quantile(0.5)).toBeGreaterThan(950);
});
