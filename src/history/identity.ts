import { hash } from 'node:crypto';
import type { Message } from './conversation.ts';

/**
 * What makes a message the same message in two views of a conversation. Opaque; compare it, do not take it apart.
 *
 * It is the `messageId` together with the `role`: some publishers give all messages of a turn the turn's id, and the
 * question must not be taken for the answer. Without an id it is a hash of all fields. The marker of an omitted message has
 * that message's identity. Several messages of one view may share an identity: they are told apart by counting (`viewOf`).
 */
export function messageIdentity(message: Message): string {
  const id = message.messageId;
  // The length makes role and id unambiguous whatever characters they hold.
  if (typeof id === 'string' && id !== '') return `${message.role.length}:${message.role}${id}`;
  // A marker stands for a message without an id under that message's own hash.
  if (typeof message.omittedDigest === 'string') return `#${message.omittedDigest}`;
  return `#${messageDigest(message)}`;
}

export function messageDigest(message: Message): string {
  return hash('sha256', canonicalJson(message), 'base64url');
}

/** Whether the message can be told from others only by what it says, since it has no id. */
export function hasNoId({ messageId }: Message): boolean {
  return typeof messageId !== 'string' || messageId === '';
}

/** The messages of one view and how each is found in another: `previousCopy` is the index of the one before of equal identity, or -1. */
export type View = { messages: Message[]; keys: string[]; previousCopy: number[] };

/** Gives each message a key that is unique in the view: its identity, and for the k-th of equal identities also k. */
export function viewOf(messages: readonly Message[]): View {
  const last = new Map<string, { copy: number; index: number }>();
  const view: View = { messages: messages.slice(), keys: [], previousCopy: [] };
  for (let index = 0; index < messages.length; index += 1) {
    const identity = messageIdentity(messages[index]!);
    const previous = last.get(identity);
    const copy = previous === undefined ? 1 : previous.copy + 1;
    last.set(identity, { copy, index });
    // No identity begins with digits and an asterisk, so that this cannot be mistaken for another one.
    view.keys.push(copy === 1 ? identity : `${copy}*${identity}`);
    view.previousCopy.push(previous === undefined ? -1 : previous.index);
  }
  return view;
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
