import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseInstant } from './timestamp.ts';

test('agrees with Date on every instant that Date can write', () => {
  const date = fc.date({
    noInvalidDate: true,
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
  });
  fc.assert(
    fc.property(date, (instant) => {
      expect(parseInstant(instant.toISOString())).toBe(instant.getTime());
    }),
  );
});

test.each([
  ['2025-06-05T10:00:00.1Z', '2025-06-05T10:00:00.100000+00:00'],
  ['2025-06-05 10:00', '2025-06-05T10:00:00.000000000Z'],
  ['2025-06-05t10:00:00z', '2025-06-05T15:30:00+0530'],
  ['2024-02-29T23:30:00-01', '2024-03-01T00:30:00Z'],
])('%s is the same instant as %s', (one, other) => {
  expect(parseInstant(one)).toBe(parseInstant(other));
});

test('microseconds are told apart', () => {
  expect(parseInstant('2025-06-05T10:00:00.000001Z')).toBeLessThan(
    parseInstant('2025-06-05T10:00:00.000002Z')!,
  );
});

test.each([
  '2025-00-01T00:00:00Z',
  '2025-02-29T00:00:00Z',
  '1900-02-29T00:00:00Z',
  '2025-04-31T00:00:00Z',
  '2025-06-05T24:00:00Z',
  '2025-06-05T10:60:00Z',
  '2025-06-05T10:00:60Z',
  '2025-06-05T10:00:00.Z',
  '2025-06-05T10:00:00.1234567890Z',
  '2025-06-05T10:00:00+',
  '2025-06-05T10:00:00+24:00',
  '2025-06-05T10:00:00+05:3',
  '2025-06-05T10:00:00Zjunk',
  '2025-06-05T10:00:00 Z',
  ' 2025-06-05T10:00:00Z',
  '2025-6-05T10:00:00Z',
  '2025-06-05T10:0a:00Z',
  '2025-06-05T10:00:',
])('%j is no instant', (text) => {
  expect(parseInstant(text)).toBeUndefined();
});
