import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shellWord } from './shell-word.ts';

const asBash = (words: readonly string[]): string[] =>
  execFileSync('bash', ['-c', `printf '%s\\0' ${words.map(shellWord).join(' ')}`])
    .toString()
    .split('\0')
    .slice(0, -1);

test('a shell takes each word for what it is, whatever is in it', () => {
  const words = fc.sample(
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.string({ unit: fc.constantFrom(...' \'"\\$`!*?~#;&|<>(){}[]\n\t\u001b\u202eaé0'), maxLength: 20 }),
    ),
    2_000,
  );
  const able = words.map((word) => word.toWellFormed().replaceAll('\0', ''));
  expect(asBash(able)).toEqual(able);
});

test.each([
  ['session:sess_1', 'session:sess_1'],
  ["it's", "'it'\\''s'"],
  ['$(reboot)', "'$(reboot)'"],
  ['', "''"],
  ['a\u202eb\n', "$'a\\xe2\\x80\\xaeb\\x0a'"],
])('%j is written as %s', (text, word) => {
  expect(shellWord(text)).toBe(word);
});
