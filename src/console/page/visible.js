import { button, element } from './elements.js';

/**
 * What cannot be seen and changes what can: controls, marks and overrides of direction, what has no look of its own, lone surrogates;
 * as `history-worker show` has it. Line breaks and tabs may stay.
 */
const UNSEEN = /[[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{DI}\ufff9-\ufffb]--[\u200c\u200d\ufe0e\ufe0f\n\t]]/gv;

/** Of a longer text the rest is shown when it is asked for. */
const SHOWN_AT_ONCE = 20_000;
const SHOWN_THEN = 200_000;

/**
 * A text as its pieces: what is seen, and what is not, written out.
 * @param {string} text
 * @returns {{ text: string, isUnseen: boolean }[]}
 */
export function pieces(text) {
  const lines = text.replaceAll('\r\n', '\n');
  /** @type {{ text: string, isUnseen: boolean }[]} */
  const made = [];
  let at = 0;
  for (const { 0: character, index } of lines.matchAll(UNSEEN)) {
    if (index > at) made.push({ text: lines.slice(at, index), isUnseen: false });
    made.push({ text: codeOf(character), isUnseen: true });
    at = index + character.length;
  }
  if (at < lines.length) made.push({ text: lines.slice(at), isUnseen: false });
  return made;
}

/** @param {string} character */
const codeOf = (character) => {
  const code = character.codePointAt(0) ?? 0;
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
};

/**
 * What somebody wrote, as a line of its own direction that has no effect on what stands beside it.
 * @param {unknown} value
 * @param {number} [most] characters
 */
export function written(value, most = 300) {
  const text = String(value ?? '');
  const cut = text.length > most ? `${whole(text.slice(0, most))}…` : text;
  const made = element('bdi', { class: 'written' });
  append(made, cut.replaceAll('\n', ' '));
  return made;
}

/**
 * A text of any length, with its line breaks; of a long one the rest can be asked for.
 * @param {string} text
 * @param {string} [tag]
 */
export function writtenText(text, tag = 'text') {
  const made = element('div', { class: tag, dir: 'auto' });
  let at = 0;
  const more = button('', () => show(SHOWN_THEN), { class: 'quiet more' });
  /** @param {number} length */
  function show(length) {
    const part = whole(text.slice(at, at + length));
    at += part.length || length;
    more.remove();
    append(made, part);
    if (at >= text.length) return;
    more.textContent = `Show more: ${(text.length - at).toLocaleString('en')} characters`;
    made.append(more);
  }
  show(SHOWN_AT_ONCE);
  return made;
}

/**
 * Not cut within a character of two units.
 * @param {string} text
 */
const whole = (text) => (text.length > 1 && /[\ud800-\udbff]$/.test(text) ? text.slice(0, -1) : text);

/**
 * @param {HTMLElement} to
 * @param {string} text
 */
function append(to, text) {
  for (const piece of pieces(text))
    to.append(piece.isUnseen ? element('span', { class: 'unseen' }, piece.text) : piece.text);
}
