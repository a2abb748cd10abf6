import { hash } from 'node:crypto';
import type { Message } from './conversation.ts';

/**
 * What makes a message the same message in two views of a conversation. Opaque; compare it, do not take it apart.
 *
 * It is the `messageId` together with the `role`: some publishers give all messages of a turn the turn's id, and the
 * question must not be taken for the answer. For the same reason the ids of tool calls count, which tell the results of a
 * turn's tools apart, and the answer from the calls before it. Without an id it is a hash of all fields. The marker of
 * an omitted message has that message's identity. Several messages of one view may share one (`matchViews`).
 */
export function messageIdentity(message: Message): string {
  const id = message.messageId;
  // The length makes role and id unambiguous whatever characters they hold. Well-formed, as they come back from the store.
  if (typeof id === 'string' && id !== '')
    return `${message.role.length}:${message.role}${callOf(message)}${id}`.toWellFormed();
  // A marker stands for a message without an id under that message's own hash.
  if (typeof message.omittedDigest === 'string') return `#${message.omittedDigest}`;
  return `#${messageDigest(message)}`;
}

/** A longer "id" is content under that name. */
const MAX_ID_LENGTH = 1024;
/** Whether it is an id, and no content under that name. */
export const isShortId = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= MAX_ID_LENGTH;

/** The tool call that a message answers, or the first that it makes. */
function callOf({ tool_call_id: answered, tool_calls: made }: Message): string {
  const id = answered ?? (Array.isArray(made) ? made[0]?.id : undefined);
  return isShortId(id) && id !== '' ? `(${id.length}:${id})` : '';
}

/** A hash of all that a message says, in whatever order its fields are. */
export function messageDigest(message: Message): string {
  return hash('sha256', canonicalJson(message), 'base64url');
}

/** Whether the message can be told from others only by what it says, since it has no id. */
export function hasNoId({ messageId }: Message): boolean {
  return typeof messageId !== 'string' || messageId === '';
}

/**
 * JSON of a JSON value with the keys of every object sorted (by UTF-16 code unit): equal for equal values however they
 * were written. Lone surrogates become U+FFFD, as they do on the way to a store that speaks UTF-8, so that a message
 * read back is still equal to the one that was sent.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.toWellFormed());
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const object = value as Record<string, unknown>;
  let json = '';
  for (const key of Object.keys(object).sort()) {
    if (object[key] === undefined) continue;
    json += `${json === '' ? '' : ','}${canonicalJson(key)}:${canonicalJson(object[key])}`;
  }
  return `{${json}}`;
}

/** Whether two JSON values are equal, the order of keys aside. Makes no strings: for the many that are equal. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!sameJson(a[i], b[i])) return false;
    return true;
  }
  if (Array.isArray(b)) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  for (const key of keys) if (!Object.hasOwn(right, key) || !sameJson(left[key], right[key])) return false;
  return true;
}
