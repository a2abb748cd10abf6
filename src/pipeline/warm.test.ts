import { expect, test } from 'vitest';
import type { HistoryDocument } from '../history/document.ts';
import { makeWarm, type Stored } from './warm.ts';

const stored = (etag: string, bytes: number): Stored => ({
  document: { id: 's' } as HistoryDocument,
  etag,
  bytes,
});

test('remembers what was stored last, within its bytes', () => {
  const warm = makeWarm(100, { random: () => 1 });
  warm.note('a', stored('1', 60));
  warm.note('b', stored('2', 30));
  expect([warm.of('a')?.etag, warm.of('b')?.etag]).toEqual(['1', '2']);
  warm.note('a', stored('3', 60));
  expect(warm.of('a')?.etag).toBe('3');
  warm.note('c', stored('4', 30));
  expect([warm.of('b'), warm.of('c')?.etag]).toEqual([undefined, '4']);
  warm.note('huge', stored('5', 101));
  expect(warm.of('huge')).toBeUndefined();
  warm.forget('a');
  expect(warm.of('a')).toBeUndefined();
});

test('is not used where others write the same conversations, but now and then, and again when they have gone', () => {
  let random = 0.5;
  const warm = makeWarm(100, { random: () => random });
  warm.note('a', stored('1', 10));
  for (let tries = 0; tries < 40; tries += 1) warm.odds.tried(false);
  expect(warm.of('a')).toBeUndefined();
  random = 0;
  expect(warm.of('a')).toBeDefined();
  random = 0.5;
  for (let tries = 0; tries < 20; tries += 1) warm.odds.tried(true);
  expect(warm.of('a')).toBeDefined();
});
