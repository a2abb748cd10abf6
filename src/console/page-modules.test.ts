import { PassThrough } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { visibleLine } from '../operations/visible-text.ts';

// They are plain JavaScript, for a browser, and checked by a configuration of their own.
const load = (name: string) => import(new URL(`./page/${name}.js`, import.meta.url).href);
const { pieces } = await load('visible');
const { ticks, powers } = await load('scale');
const { together } = await load('samples');
const { short, duration, when } = await load('format');

test('what cannot be seen is written out as on a terminal', () => {
  const hostile = 'a\u202eb\u0000\u200b\u2066\ufeff\ud800\u{e0041}\u00ad\u2028z\u200d\u200c\ufe0fم';
  const shown = pieces(hostile)
    .map(({ text }: { text: string }) => text)
    .join('');
  expect(shown).toBe(
    visibleLine(hostile, Number.POSITIVE_INFINITY, new PassThrough() as unknown as NodeJS.WriteStream).join(
      '',
    ),
  );
  expect(pieces('a\u202eb')).toEqual([
    { text: 'a', isUnseen: false },
    { text: '\\u202e', isUnseen: true },
    { text: 'b', isUnseen: false },
  ]);
  // Somebody who writes the code themselves is told apart.
  expect(pieces('\\u202e')).toEqual([{ text: '\\u202e', isUnseen: false }]);
  expect(pieces('one\r\ntwo\tthree\n')).toEqual([{ text: 'one\ntwo\tthree\n', isUnseen: false }]);
});

test('the steps of a chart are round and go over the highest value', () => {
  expect(ticks(0.7)).toEqual([0, 0.5, 1]);
  expect(ticks(30)).toEqual([0, 10, 20, 30]);
  expect(ticks(1_234)).toEqual([0, 500, 1000, 1500]);
  expect(powers(4.6, 18)).toEqual([1, 10, 100]);
  expect(powers(5, 5)).toEqual([1, 10]);
});

test('samples that are put together lose no count; of medians the mean is weighted, of the worst the worst is kept', () => {
  const sample = (at: number, durable: number, p50: number | null, p99: number | null) => ({
    ...Object.fromEntries(
      [
        'received',
        'redelivered',
        'completed',
        'deadLettered',
        'abandoned',
        'lost',
        'requestUnits',
        'inputTokens',
        'outputTokens',
      ].map((name) => [name, 1]),
    ),
    at,
    durable,
    p50,
    p99,
    seconds: 5,
    inHand: durable,
    closed: durable === 1 ? ['redis'] : [],
    titles: { stored: 1 },
  });
  const all = together(
    [sample(1, 1, 10, 50), sample(2, 3, 30, 40), sample(3, 0, null, null), sample(11, 1, 7, 9)],
    10,
  );
  expect(all).toMatchObject([
    {
      at: 3,
      durable: 4,
      received: 3,
      seconds: 15,
      p50: 25,
      p99: 50,
      inHand: 3,
      closed: ['redis'],
      titles: { stored: 3, refused: 0 },
    },
    { at: 11, durable: 1, p50: 7 },
  ]);
});

test('a time without a zone is one of UTC, wherever it is read, and what is no time is none', () => {
  const zone = process.env.TZ;
  process.env.TZ = 'America/New_York';
  onTestFinished(() => {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  });
  for (const time of [
    '2026-03-01T10:00:00',
    '2026-03-01T10:00:00.123456',
    '2026-03-01T10:00:00Z',
    '2026-03-01T11:00:00+01:00',
    '2026-03-01T10:00Z',
  ])
    expect(when(time)).toBe('1 Mar 2026, 05:00');
  for (const none of ['1', '2026', 'March 2026', '2026-03-01T10:00:00 (x)', '2026-13-01T10:00Z', 5, null, {}])
    expect(when(none)).toBeUndefined();
});

test('numbers are short', () => {
  expect([0, 0.04, 2.04, 9.96, 1234, 50_000, 1_500_000].map(short)).toEqual([
    '0',
    '0.04',
    '2',
    '10',
    '1,234',
    '50 k',
    '1.5 M',
  ]);
  expect([null, 4.56, 999, 1500, 90_000].map(duration)).toEqual([
    '–',
    '4.6 ms',
    '999 ms',
    '1.5 s',
    '1.5 min',
  ]);
});
