import { expect, test } from 'vitest';
import { median, percentile, summarise } from './statistics.ts';

test('the median of an odd and of an even number of values', () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([9, 1, 5, 7])).toBe(6);
});

test('percentiles by nearest rank', () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect([0.5, 0.95, 0.99, 1].map((share) => percentile(values, share))).toEqual([50, 95, 99, 100]);
  expect(percentile([7], 0.5)).toBe(7);
});

test('each figure is summarised by itself', () => {
  const rounds = [
    { perSecond: 10, cpu: 3 },
    { perSecond: 30, cpu: 1 },
    { perSecond: 20, cpu: 2 },
  ];
  expect(summarise(rounds)).toEqual({
    median: { perSecond: 20, cpu: 2 },
    min: { perSecond: 10, cpu: 1 },
    max: { perSecond: 30, cpu: 3 },
    rounds: 3,
  });
});
