import { button, element } from './elements.js';

/**
 * What cannot be seen and changes what can: controls, marks and overrides of direction, what has no look of its own, lone surrogates;
 * as `history-worker show` has it. Line breaks and tabs may stay.
 */
const UNSEEN = /[[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{DI}\ufff9-\ufffb]--[\u200c\u200d\ufe0e\ufe0f\n\t]]+/gv;

/** @typedef {{ characters: number, pieces: number }} Portion */

/** Of a longer text the rest is shown when it is asked for; and of one that is in a great many pieces, which cost the browser more. */
const SHOWN_THEN = { characters: 200_000, pieces: 10_000 };
/** What is shown of a message until more is asked for. @returns {Portion} */
export const firstPortion = () => ({ characters: 20_000, pieces: 500 });

/**
 * A text as its pieces: what is seen, and what is not, written out.
 * @param {string} text
 * @returns {{ text: string, isUnseen: boolean }[]}
 */
export function pieces(text) {
  return [...runs(text.replaceAll('\r\n', '\n'))].map(({ raw, isUnseen }) => ({
    text: isUnseen ? writtenOut(raw) : raw,
    isUnseen,
  }));
}

/**
 * @param {string} text
 * @returns {Iterable<{ raw: string, isUnseen: boolean }>}
 */
function* runs(text) {
  let at = 0;
  for (const { 0: raw, index } of text.matchAll(UNSEEN)) {
    if (index > at) yield { raw: text.slice(at, index), isUnseen: false };
    yield { raw, isUnseen: true };
    at = index + raw.length;
  }
  if (at < text.length) yield { raw: text.slice(at), isUnseen: false };
}

/** @param {string} unseen */
const writtenOut = (unseen) => Array.from(unseen, codeOf).join('');

/** @param {string} character */
const codeOf = (character) => {
  const code = character.codePointAt(0) ?? 0;
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
};

/**
 * Whatever stands where a text should: as JSON, if it is none. Whoever wrote it may have given it any field, `toString` too.
 * @param {unknown} value
 */
const textOf = (value) =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '');

/**
 * What somebody wrote, as a line of its own direction that has no effect on what stands beside it.
 * @param {unknown} value
 * @param {number} [most] characters
 */
export function written(value, most = 300) {
  const text = textOf(value);
  const cut = text.length > most ? `${whole(text.slice(0, most))}…` : text;
  const made = element('bdi', { class: 'written' });
  append(made, cut.replaceAll('\r\n', ' ').replaceAll('\n', ' '));
  return made;
}

/**
 * A text of any length, with its line breaks; of a long one the rest can be asked for.
 * @param {string} given
 * @param {string} [tag]
 * @param {Portion} [first] what may be shown at once; less is left of it then
 */
export function writtenText(given, tag = 'text', first = firstPortion()) {
  const text = given.replaceAll('\r\n', '\n');
  const made = element('div', { class: tag, dir: 'auto', tabindex: -1 });
  let at = 0;
  const more = button(
    '',
    () => {
      show({ ...SHOWN_THEN });
      // The focus stays where the text goes on.
      (more.isConnected ? more : made).focus();
    },
    { class: 'quiet more' },
  );
  /** @param {Portion} portion */
  function show(portion) {
    more.remove();
    // One character alone might be half of one.
    if (portion.characters > 1) at += append(made, whole(text.slice(at, at + portion.characters)), portion);
    if (at >= text.length) return;
    more.textContent = `Show more: ${(text.length - at).toLocaleString('en')} characters`;
    made.append(more);
  }
  show(first);
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
 * @param {Portion} [portion] what may be appended; what was is taken from it
 * @returns {number} how many characters of the text were
 */
function append(to, text, portion = { characters: text.length, pieces: Number.POSITIVE_INFINITY }) {
  let taken = 0;
  for (const { raw, isUnseen } of runs(text)) {
    if (portion.pieces <= 0) break;
    to.append(isUnseen ? element('span', { class: 'unseen' }, writtenOut(raw)) : raw);
    taken += raw.length;
    portion.pieces -= 1;
  }
  portion.characters -= taken;
  return taken;
}
