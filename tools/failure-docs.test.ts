import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commandFaults } from '../src/operations/command-fault.ts';
import { failures } from '../src/pipeline/failures.ts';
import { FAILURES_PAGE, withFailureTable } from './failure-docs.ts';

test('docs/failures.md has a row for each failure of failures.ts (else: npm run docs)', () => {
  const page = readFileSync(FAILURES_PAGE, 'utf8');
  expect(withFailureTable(page)).toBe(page);
});

test('every code that the worker logs or dead-letters with is in the table, or is one of commands alone', () => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => readFileSync(join('src', name), 'utf8'));
  // Those in capitals alone are Node's.
  const codes = sources.flatMap((text) =>
    [...text.matchAll(/(?:code: |new (?:Failure|CommandFault)\(\s*)'([A-Z]+[a-z][A-Za-z]+)'/g)].map(
      ([, code]) => code!,
    ),
  );
  expect(codes.length).toBeGreaterThan(20);
  const known = { ...failures, ...commandFaults };
  expect(codes.filter((code) => !Object.hasOwn(known, code))).toEqual([]);
});
