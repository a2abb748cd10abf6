/** Control characters, line and paragraph separators, and those that change the direction of a text. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Ids and reasons come from whoever may send to the topic: on a terminal they must not move the cursor or hide anything. */
export function plain(text: string): string {
  return text.replace(UNSAFE, escaped).toWellFormed();
}

/** One line of JSON that is safe to look at as well. */
export function plainJson(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE, escaped);
}

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
