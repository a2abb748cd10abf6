import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cleanTitle } from './clean-title.ts';
import { titleContext, titlePrompt } from './title.ts';

test.each([
  ['"Foo" and "Bar" Compared', '"Foo" and "Bar" Compared'],
  ['"Hello" vs "Goodbye"', '"Hello" vs "Goodbye"'],
  ['"Machine Learning', 'Machine Learning'],
  ["'What's New in Rust'", "What's New in Rust"],
  ['„Brot backen“', 'Brot backen'],
  ['《机器学习》', '机器学习'],
  ['Zero\u200bwidth Space', 'Zerowidth Space'],
  ['می‌خواهم نان', 'می‌خواهم نان'],
  ['Fix var_1 and __init__ in Python', 'Fix var_1 and __init__ in Python'],
  ['Understanding 2 * 3 * 4', 'Understanding 2 * 3 * 4'],
  ['C++ and C#', 'C++ and C#'],
  ['Here is a title for the conversation:\n\n**Baking Bread**', 'Baking Bread'],
  ['Title:\nBaking Bread', 'Baking Bread'],
  ['1. Baking Bread', 'Baking Bread'],
  ['{"title": "Baking \\"Bread\\" at Home"}', 'Baking "Bread" at Home'],
  ['```json\n{"title": "Baking Bread"}\n```', 'Baking Bread'],
  ['```\nBaking Bread\n```', 'Baking Bread'],
  ['<title>Baking Bread</title>', 'Baking Bread'],
  ['[Baking](https://example.com) Bread', 'Baking Bread'],
  ['Başlık: Ekmek', 'Ekmek'],
  [`<think>${'long '.repeat(9000)}</think>Baking Bread`, 'Baking Bread'],
  ['thought without a beginning</think>\nBaking Bread', 'Baking Bread'],
])('%j becomes %j', (answer, title) => {
  expect(cleanTitle(answer)).toBe(title);
});

test.each([
  "I'm sorry, I can't assist with that.",
  'NEW CONVERSATION.',
  '**',
  'a\u0301'.repeat(31),
  '<thinking>never closed',
])('%j is no title', (answer) => {
  expect(cleanTitle(answer)).toBeUndefined();
});

test('a title is a fixed point, in its limits, of one line and visible, whatever the answer', () => {
  const bits = fc.constantFrom(
    '"',
    "'",
    '*',
    '_',
    '#',
    '`',
    ':',
    '.',
    ' ',
    '\n',
    'Title',
    '<think>',
    '</think>',
    'a',
    'é',
    '字',
    '😀',
    '\u202e',
    '\u200d',
    '\ud800',
    '“',
    '”',
    '- ',
    '{"title":"',
  );
  fc.assert(
    fc.property(
      fc.array(bits, { maxLength: 20 }).map((all) => all.join('')),
      (answer) => {
        const title = cleanTitle(answer);
        if (title === undefined) return;
        expect(cleanTitle(title)).toBe(title);
        expect([...title].length).toBeLessThanOrEqual(60);
        expect(title).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]|^\s|\s$/u);
        expect(title.isWellFormed()).toBe(true);
      },
    ),
    { numRuns: 5000 },
  );
});

test.each(['.', '# ', '[', 'Title: '])(
  'an endless answer of %j is no title, and costs next to nothing',
  (bit) => {
    expect(cleanTitle(`${bit.repeat(200_000)}x`)).toBeUndefined();
  },
);

test('the prompt is one line of JSON, whatever is in the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const lines = titlePrompt([{ role: 'user', text }]).user.split(/[\n\r\u0085\u2028\u2029]/);
      expect(lines).toHaveLength(3);
      expect(lines[1]).not.toContain('<');
      expect(JSON.parse(lines[1]!)).toEqual([{ role: 'user', text }]);
    }),
  );
});

test('a text is cut between graphemes', () => {
  const [line] = titleContext([{ role: 'user', content: `x${'👨‍👩‍👧'.repeat(200)}` }]);
  expect(line!.text).toMatch(/^x(?:👨‍👩‍👧)+…$/u);
});
