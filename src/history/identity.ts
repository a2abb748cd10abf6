import { createHash } from 'node:crypto';
import type { Message } from './conversation.ts';

/** What makes two messages the same one: the id, or without one a hash of all the fields. */
export function messageIdentity(message: Message): string {
  if (typeof message.messageId === 'string' && message.messageId !== '') return `id:${message.messageId}`;
  // A marker stands for a message without an id under that message's own hash.
  if (typeof message.omittedDigest === 'string') return `hash:${message.omittedDigest}`;
  return `hash:${messageDigest(message)}`;
}

export function messageDigest(message: Message): string {
  return createHash('sha256').update(canonicalJson(message)).digest('base64url');
}

/** JSON with the keys of every object in order: equal texts for equal values, however they were written. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`).join(',')}}`;
}

/** Whether two JSON values are equal, whatever the order of their keys. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  return keys.every((key) => Object.hasOwn(right, key) && sameJson(left[key], right[key]));
}
