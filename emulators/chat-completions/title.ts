const FALLBACK = 'General Question';
/** Only the beginning counts, so that a prompt that shortens a message leads to the same title as the whole of it. */
const CONSIDERED_CHARACTERS = 400;
const MAX_WORDS = 4;
const MIN_WORD_LETTERS = 3;
/** Four words and three blanks stay within 60 characters. */
const MAX_WORD_CHARACTERS = 14;
const UNSPACED_CHARACTERS = 8;

const unspaced =
  /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]/u;
const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });

/**
 * The title that the model gives to a conversation that begins with this text: always the same, and another for
 * another text, so that a title on the wrong conversation is noticed. Its first four words of three characters or
 * more; where words are not spaced, its first eight characters. No punctuation, at most 60 characters, never empty.
 */
export function titleFor(text: string): string {
  const beginning = text.trim().slice(0, CONSIDERED_CHARACTERS).normalize('NFC');
  const runs = beginning.match(/[\p{L}\p{N}][\p{L}\p{M}\p{N}]*/gu) ?? [];
  const isUnspaced = (run: string): boolean => /\p{L}/u.test(run) && unspaced.test(run);
  const first = runs.findIndex((run) => length(run) >= MIN_WORD_LETTERS || isUnspaced(run));
  if (first >= 0 && isUnspaced(runs[first]!)) return cut(runs.slice(first).join(''), UNSPACED_CHARACTERS);
  const long = distinct(runs.filter((run) => length(run) >= MIN_WORD_LETTERS && !isUnspaced(run)));
  const words = long.length > 0 ? long : distinct(runs);
  const title = words
    .slice(0, MAX_WORDS)
    .map((word) => cut(word, MAX_WORD_CHARACTERS))
    .join(' ');
  // A user may write "New conversation", which the worker takes for no title at all.
  return title === '' || /^new conversation$/i.test(title) ? FALLBACK : title;
}

function distinct(words: string[]): string[] {
  const first = new Map<string, string>();
  for (const word of words) if (!first.has(word.toLowerCase())) first.set(word.toLowerCase(), word);
  return [...first.values()];
}

const length = (word: string): number => [...word].length;

/** To so many visible characters; where these are made of many parts, to twice as many units of text at most. */
function cut(word: string, maxCharacters: number): string {
  let result = '';
  let count = 0;
  for (const { segment } of segmenter.segment(word)) {
    if (count === maxCharacters || result.length + segment.length > 2 * maxCharacters) break;
    result += segment;
    count += 1;
  }
  return result;
}
