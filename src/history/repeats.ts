import type { Message } from './conversation.ts';
import { canonicalJson, hasNoId, messageIdentity } from './identity.ts';

/**
 * A snapshot's messages without those that have an id and are equal in every field to an earlier one: an append that was
 * retried. Messages that share an id and differ are all kept (a turn's id may be on each of its messages), and so are
 * equal ones without an id (two "ok" are two). Returns the same array where nothing is repeated, as nearly always.
 */
export function withoutRepeats(messages: readonly Message[]): Message[] {
  const firstWith = new Map<string, number>();
  let jsonOf: Map<string, Set<string>> | undefined;
  let repeated: Set<number> | undefined;
  for (let i = 0; i < messages.length; i++) {
    const message = messages[i]!;
    if (hasNoId(message)) continue;
    const identity = messageIdentity(message);
    const first = firstWith.get(identity);
    if (first === undefined) {
      firstWith.set(identity, i);
      continue;
    }
    // Only where an identity occurs again is it worth the strings; a set, since it may occur any number of times.
    jsonOf ??= new Map();
    let seen = jsonOf.get(identity);
    if (seen === undefined) {
      seen = new Set([canonicalJson(messages[first]!)]);
      jsonOf.set(identity, seen);
    }
    const json = canonicalJson(message);
    if (seen.has(json)) {
      repeated ??= new Set();
      repeated.add(i);
    } else seen.add(json);
  }
  return repeated === undefined ? (messages as Message[]) : messages.filter((_, i) => !repeated.has(i));
}
