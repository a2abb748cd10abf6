import { styleText } from 'node:util';

/**
 * What must not reach a terminal as it is: controls, which move the cursor and recolour; marks and overrides of direction, which
 * make text read as what it is not; whatever has no look of its own and hides in it; separators; lone surrogates. The joiners that
 * scripts and emoji need are none of these, nor are the selectors of an emoji's look.
 */
const UNSEEN = /[[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{DI}\ufff9-\ufffb]--[\u200c\u200d\ufe0e\ufe0f]]/gv;

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/**
 * A line that somebody wrote, safe to look at: what cannot be seen is written out as `\u202e`, and on a terminal told by its look
 * from the same signs that somebody wrote. Folded, so that none is wider than `width` columns: a terminal would break it where the
 * rest could look like a line of ours.
 */
export function visibleLine(text: string, width: number, stream: NodeJS.WriteStream): string[] {
  const line = text.replaceAll('\t', TAB);
  if (width === Number.POSITIVE_INFINITY)
    return [line.replace(UNSEEN, (character) => written(character, stream))];
  return fold(tokensOf(line, stream), width);
}

/** The same for a text, whose own line breaks are kept. */
export function visibleText(text: string, width: number, stream: NodeJS.WriteStream): string[] {
  return text.split(/\r\n|\n/).flatMap((line) => visibleLine(line, width, stream));
}

const TAB = '    ';

type Token = { text: string; columns: number };

function* tokensOf(line: string, stream: NodeJS.WriteStream): Iterable<Token> {
  let at = 0;
  for (const { 0: character, index } of line.matchAll(UNSEEN)) {
    yield* seenTokens(line.slice(at, index));
    yield { text: written(character, stream), columns: codeOf(character).length };
    at = index + character.length;
  }
  yield* seenTokens(line.slice(at));
}

function* seenTokens(text: string): Iterable<Token> {
  for (const { segment } of graphemes.segment(text)) yield { text: segment, columns: columnsOf(segment) };
}

/** Rather too many than too few: what is wider than thought would be broken by the terminal. */
function columnsOf(grapheme: string): number {
  let columns = 0;
  for (const character of grapheme) columns += character.codePointAt(0)! < 0x1100 ? 1 : 2;
  return columns;
}

/** Breaks behind the last space that fits, or anywhere if there is none. */
function fold(tokens: Iterable<Token>, width: number): string[] {
  const lines: string[] = [];
  let line: Token[] = [];
  let columns = 0;
  for (const token of tokens) {
    if (columns + token.columns > width && line.length > 0) {
      const space = line.findLastIndex(({ text }) => text === ' ');
      const end = space > 0 && token.text !== ' ' ? space + 1 : line.length;
      lines.push(textOf(line.slice(0, end)));
      line = line.slice(end);
      columns = line.reduce((sum, each) => sum + each.columns, 0);
    }
    line.push(token);
    columns += token.columns;
  }
  return [...lines, textOf(line)];
}

const textOf = (tokens: readonly Token[]): string => tokens.map(({ text }) => text).join('');

const written = (character: string, stream: NodeJS.WriteStream): string =>
  styleText('inverse', codeOf(character), { stream });

const codeOf = (character: string): string => {
  const code = character.codePointAt(0)!;
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
};
