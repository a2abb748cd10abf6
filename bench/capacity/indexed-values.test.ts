import { expect, test } from 'vitest';
import { documentOf } from './conversation-cost.ts';
import { excludedPaths, indexedValues } from './indexed-values.ts';

test('the container as shipped leaves messages and the list of pages out of its index', () => {
  expect(excludedPaths()).toEqual(['/messages/*', '/segments/*', '/"_etag"/?']);
});

test('by default each field of each message is a value more, as shipped none', () => {
  const [one, ten] = [documentOf(1, 2_048), documentOf(10, 2_048)];
  // Seven fields of the conversation, four of each message.
  expect([one, ten].map((item) => indexedValues(item, []))).toEqual([7 + 8, 7 + 80]);
  expect([one, ten].map((item) => indexedValues(item, excludedPaths()))).toEqual([7, 7]);
});

test('a path with * leaves out all below it, one with ? only itself', () => {
  const item = { a: { b: 1, c: [2, null] }, d: 'x' };
  expect(indexedValues(item, [])).toBe(4);
  expect(indexedValues(item, ['/a/*'])).toBe(1);
  expect(indexedValues(item, ['/d/?'])).toBe(3);
  expect(indexedValues(item, ['/a/b/?'])).toBe(3);
});
