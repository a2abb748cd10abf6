import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { OBSERVABILITY_PAGE, withMetricTable } from './metric-docs.ts';

test('docs/observability.md has a row for each metric of metric-names.ts (else: npm run docs)', () => {
  const page = readFileSync(OBSERVABILITY_PAGE, 'utf8');
  expect(withMetricTable(page)).toBe(page);
});
