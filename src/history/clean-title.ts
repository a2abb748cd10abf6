import { isUntitled } from './document.ts';

const MAX_CHARACTERS = 60;
const MAX_WORDS = 8;
/** With all wrappings, and a link: what is longer is no title, and taking wrappings off it costs by the square. */
const MAX_LINE = 1_000;

const REASONING = 'think|thinking|thought|reasoning|reflection|analysis';
const REASONING_BLOCK = new RegExp(`<(${REASONING})\\b[^>]*>[\\s\\S]*?(?:</\\1\\s*>|$)`, 'gi');
// Some chat templates put the opening tag into the prompt, so that only the closing one is in the answer.
const REASONING_END = new RegExp(`^[\\s\\S]*</(?:${REASONING})\\s*>`, 'i');

const LINE_BREAK = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/;
// Controls, bidirectional marks and overrides, zero-width and other invisible characters, tags, what replaces lone surrogates.
const INVISIBLE =
  /[\u00ad\u061c\u180e\u200b\u200e\u200f\u2060-\u206f\ufeff\ufff9-\ufffd\u{e0000}-\u{e0fff}]/gu;
// Joiners have a meaning within emoji and within scripts that join or stack; elsewhere they only hide.
const STRAY_JOINER =
  /(?<![\p{Extended_Pictographic}\p{Emoji_Modifier}\p{M}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mongolian}])[\u200c\u200d]|[\u200c\u200d](?![\p{Extended_Pictographic}\p{L}\p{M}])/gu;

// "Title", "Conversation title", and the same in languages that a model may answer in.
const LABEL = new RegExp(
  `^(?:(?:chat|conversation|suggested|generated|short|the)\\s+){0,3}(?:${[
    'title|titel|titre|título(?: da conversa)?|titulo|títol|titolo|titlu|tytuł|název|názov|naslov|cím|başlık|otsikko|tittel|rubrik',
    'pealkiri|tiêu đề|judul|tajuk|pamagat|pavadinimas|nosaukums|заголовок|название|назва|заглавие|наслов|τίτλος',
    'العنوان|عنوان|כותרת|शीर्षक|শিরোনাম|தலைப்பு|ชื่อเรื่อง|หัวข้อ|标题|標題|题目|題目|タイトル|題名|제목',
  ].join('|')})\\s*[*_\`"”»]{0,3}\\s*[:：]\\s*[*_\`]{0,3}\\s*`,
  'iu',
);
const QUOTE_PAIRS = new Map(
  [
    '""',
    "''",
    '``',
    '“”',
    '„“',
    '„”',
    '””',
    '‘’',
    '‚‘',
    '‚’',
    '’’',
    '«»',
    '»«',
    '‹›',
    '›‹',
    '「」',
    '『』',
    '《》',
    '〈〉',
    '″″',
    '＂＂',
    '〝〞',
    '〝〟',
  ]
    .map((pair) => [pair[0]!, pair[1]!] as const)
    .reduce(
      (pairs, [open, close]) => pairs.set(open, (pairs.get(open) ?? '') + close),
      new Map<string, string>(),
    ),
);
const LONE_QUOTES = '"“”„«»「」『』＂';
// A question mark is part of what is asked, so it stays.
const TRAILING = /[\s.,;:!…。．，、；：！،؛۔।॥\-–—]+$/u;
const REFUSAL = /^(?:i['’]?m|i am) (?:very |so )?sorry\b|^as an ai\b/i;

/**
 * The title in a model's answer, or undefined if it has none that will do: then the fallback stays (SPEC §4). Takes off
 * reasoning blocks, markdown, a `Title:` before it, quotes around it, punctuation behind it, and characters that cannot be
 * seen; takes the first line that is left. It has at most 60 characters (code points) and at most 8 words.
 */
export function cleanTitle(answer: string): string | undefined {
  const text = answer.replace(REASONING_BLOCK, '\n').replace(REASONING_END, '');
  const lines = (jsonTitle(text) ?? text)
    .split(LINE_BREAK)
    .map(visible)
    .filter((line) => line !== '');
  for (let i = 0; i < lines.length; i++) {
    // "Here is a title for this conversation:" announces the title that stands below it.
    if (/[:：][*_]*$/.test(lines[i]!) && i + 1 < lines.length) continue;
    if (lines[i]!.length > MAX_LINE) return undefined;
    const title = unwrap(lines[i]!);
    if (title !== '') return valid(title) ? title : undefined;
  }
  return undefined;
}

/** The title, if the answer is the JSON that some models like to answer with, in a code block or not. */
function jsonTitle(text: string): string | undefined {
  const title = /^\s*(?:```\w*\s*)?\{\s*"title"\s*:\s*("(?:[^"\\\n]|\\.)*")\s*\}/i.exec(text)?.[1];
  if (title === undefined) return undefined;
  try {
    return JSON.parse(title) as string;
  } catch {
    // Not JSON after all: the text is cleaned like any other.
    return undefined;
  }
}

/** A line without what cannot be seen, its spaces single ones. */
function visible(line: string): string {
  return (
    line
      .toWellFormed()
      // An override may stand for a space: what it parts is not run together.
      .replace(/[\t\u202a-\u202e]/g, ' ')
      .replace(/[\u0000-\u001f\u007f-\u009f]/g, '')
      .replace(INVISIBLE, '')
      .replace(STRAY_JOINER, '')
      .replace(/\s+/g, ' ')
      .trim()
  );
}

/** Takes the wrappings off, layer by layer: `**Title:** "Foo."` has four. */
function unwrap(line: string): string {
  if (/^(?:```|~~~)/.test(line)) return '';
  let title = line;
  for (let before = ''; before !== title; ) {
    before = title;
    title = withoutQuotes(withoutMarkdown(title).replace(LABEL, ''))
      .replace(TRAILING, '')
      .replace(/\s+/g, ' ')
      .trim();
  }
  return title;
}

function withoutMarkdown(text: string): string {
  return text
    .replace(/!?\[([^\]]+)\]\([^)]*\)/g, '$1')
    .replace(/<\/?(?:title|b|strong|i|em|u|p|h[1-6]|br|span)\s*\/?>/gi, '')
    .replace(/^(?:#{1,6}|>|[-*+•·–—:]|\d{1,2}[.)])\s+/, '')
    .replace(/(\*{1,3})(?!\s)([^*]+?)(?<!\s)\1/g, '$2')
    .replace(/`([^`]+)`/g, '$1')
    .replace(/~~(.+?)~~/g, '$1')
    .replace(/^(_{1,3})(?=\S)([^_]+)(?<=\S)\1$/, '$2');
}

/** Quotes around the whole are taken off; those around a part, and apostrophes, stay. */
function withoutQuotes(text: string): string {
  const first = text[0] ?? '';
  const last = text.at(-1) ?? '';
  const inner = text.slice(1, -1);
  if (text.length > 1 && QUOTE_PAIRS.get(first)?.includes(last)) {
    const isApostrophe = last === "'" || last === '’';
    const inside = isApostrophe ? inner.replace(/(?<=[\p{L}\p{N}])['’](?=[\p{L}\p{N}])/gu, '') : inner;
    if (!inside.includes(first) && !inside.includes(last)) return inner;
  }
  // One that was opened or closed beyond the line, or cut off.
  if (LONE_QUOTES.includes(first) && first !== '' && lone(text.slice(1))) return text.slice(1);
  if (LONE_QUOTES.includes(last) && last !== '' && lone(text.slice(0, -1))) return text.slice(0, -1);
  return text;
}

function lone(rest: string): boolean {
  return ![...rest].some((character) => LONE_QUOTES.includes(character));
}

function valid(title: string): boolean {
  const words = title.split(' ').filter((word) => /[\p{L}\p{N}]/u.test(word));
  const meansSomething = words.length > 0 || /\p{Extended_Pictographic}/u.test(title);
  return (
    meansSomething &&
    words.length <= MAX_WORDS &&
    [...title].length <= MAX_CHARACTERS &&
    !isUntitled(title) &&
    title.toLowerCase() !== 'new conversation' &&
    !REFUSAL.test(title)
  );
}
