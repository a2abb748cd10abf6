import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeScreen } from '../../test/screen.ts';
import { visibleLine, visibleText } from './visible-text.ts';

const file = makeScreen(false).stream;
const lines = (text: string, width = Number.POSITIVE_INFINITY): string[] => visibleText(text, width, file);

test.each([
  ['\u001b[2J\u001b]0;title\u0007', '\\u001b[2J\\u001b]0;title\\u0007'],
  ['\u009b31mred', '\\u009b31mred'],
  ['gnp.exe\u202egpj', 'gnp.exe\\u202egpj'],
  ['a\u2066b\u2069\u200e\u061c', 'a\\u2066b\\u2069\\u200e\\u061c'],
  ['zero\u200bwidth\ufeff\u00ad\u2060', 'zero\\u200bwidth\\ufeff\\u00ad\\u2060'],
  ['hidden\u{e0041}\u{e0042}', 'hidden\\u{e0041}\\u{e0042}'],
  [
    'line\u2028paragraph\u2029return\rvertical\u000b',
    'line\\u2028paragraph\\u2029return\\u000dvertical\\u000b',
  ],
  ['half \ud83d', 'half \\ud83d'],
  ['tab\there', 'tab    here'],
  ['می‌خواهم', 'می‌خواهم'],
  ['👩‍👩‍👧 ☺️ 漢字 é', '👩‍👩‍👧 ☺️ 漢字 é'],
])('%j is shown as %j', (text, shown) => {
  expect(lines(text)).toEqual([shown]);
});

test('line breaks of a text are kept, those of a line are written out', () => {
  expect(lines('one\r\ntwo\n\nthree')).toEqual(['one', 'two', '', 'three']);
  expect(visibleLine('one\ntwo', 80, file)).toEqual(['one\\u000atwo']);
});

test('on a terminal what is written out can be told from what somebody has written so', () => {
  const { stream } = makeScreen(true);
  Object.assign(stream, { getColorDepth: () => 8 });
  const [shown] = visibleLine('\\u202e \u202e', 80, stream);
  expect(shown).toMatch(/^\\u202e \u001b\[7m\\u202e\u001b\[27m$/);
});

describe('folding', () => {
  test('breaks between words, or anywhere in a word that is too long', () => {
    expect(lines('the quick brown fox', 10)).toEqual(['the quick ', 'brown fox']);
    expect(lines('abcdefghijklm', 5)).toEqual(['abcde', 'fghij', 'klm']);
    expect(lines('漢字漢字', 5)).toEqual(['漢字', '漢字']);
  });

  test('loses nothing, and no line is wider than asked for, whatever is written', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.integer({ min: 20, max: 90 }),
        (text, width) => {
          const shown = visibleLine(text, width, file);
          expect(shown.join('')).toBe(visibleLine(text, Number.POSITIVE_INFINITY, file).join(''));
          for (const line of shown) {
            expect(line).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
            const graphemes = [...new Intl.Segmenter().segment(line)];
            if (graphemes.length > 1) expect(line.length).toBeLessThanOrEqual(width * 2);
          }
        },
      ),
    );
  });
});
