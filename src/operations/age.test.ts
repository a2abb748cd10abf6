import { expect, test } from 'vitest';
import { age } from './age.ts';

test.each([
  [0, '0 s'],
  [45_300, '45 s'],
  [61_000, '1 min'],
  [12 * 60_000, '12 min'],
  [80 * 60_000, '1 h 20 min'],
  [25 * 3_600_000, '1 d 1 h'],
  [12 * 86_400_000 + 3_600_000, '12 d'],
  [-5, '0 s'],
])('%i ms are %s', (ms, text) => expect(age(ms)).toBe(text));
