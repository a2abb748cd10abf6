import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SCALING_PAGE, withCapacity } from './capacity-docs.ts';

test('docs/scaling.md shows what bench/capacity computes of the last figures (else: npm run docs)', () => {
  const page = readFileSync(SCALING_PAGE, 'utf8');
  expect(withCapacity(page)).toBe(page);
});
