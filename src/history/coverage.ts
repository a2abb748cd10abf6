import type { Message } from './conversation.ts';
import { canonicalJson, messageIdentity } from './identity.ts';
import { digestOf, type SegmentRef } from './segment.ts';
import { parseInstant } from './timestamp.ts';

/** What a process keeps of a segment that it has read once: enough not to read it again. */
export type Fingerprint = {
  /** By these it is known that a snapshot has nothing to do with the segment. */
  identities: Uint32Array;
  latestMs: number;
  /** The digest of a snapshot's run that says the same in other words: fields in another order, surrogates mended. */
  sameAs: string | undefined;
};

/** A snapshot as it is held against the segments of a conversation. */
export type Lookup = {
  messages: readonly Message[];
  /** By identity, the position of its last message of that name. */
  positions: ReadonlyMap<string, number>;
  identities: ReadonlySet<number>;
  /** The time of its first message; minus infinity where it has none. */
  earliestMs: number;
};

/** Of a snapshot's messages. */
export function makeLookup(messages: readonly Message[]): Lookup {
  const positions = new Map(messages.map((message, index) => [messageIdentity(message), index]));
  return {
    messages,
    positions,
    identities: new Set([...positions.keys()].map(shortHash)),
    earliestMs: parseInstant(messages[0]?.timestamp) ?? Number.NEGATIVE_INFINITY,
  };
}

/** Of the messages that were read from a segment. */
export function fingerprintOf(messages: readonly Message[]): Fingerprint {
  const times = messages.map(({ timestamp }) => parseInstant(timestamp) ?? Number.NEGATIVE_INFINITY);
  return {
    identities: Uint32Array.from(messages, (message) => shortHash(messageIdentity(message))),
    latestMs: times.reduce((latest, at) => Math.max(latest, at), Number.NEGATIVE_INFINITY),
    sameAs: undefined,
  };
}

/** The digest of the snapshot's run at this position, if it says the same as these messages, though not to the letter. */
export function sameRunAt(
  stored: readonly Message[],
  { messages }: Lookup,
  position: number,
): string | undefined {
  const run = messages.slice(position, position + stored.length);
  const isSame =
    run.length === stored.length &&
    run.every((message, index) => canonicalJson(message) === canonicalJson(stored[index]));
  return isSame ? digestOf(JSON.stringify(run)) : undefined;
}

/** Whether the snapshot shows, from this position on, just the messages of the segment: then they need not be read. */
export function isCoveredAt(
  ref: SegmentRef,
  known: Fingerprint | undefined,
  { messages }: Lookup,
  position: number,
): boolean {
  const run = messages.slice(position, position + ref.count);
  if (run.length !== ref.count) return false;
  const digest = digestOf(JSON.stringify(run));
  return digest === ref.digest || digest === known?.sameAs;
}

/**
 * Whether a segment at the front of a conversation can stay out of a merge: it shares no message with the snapshot, and all
 * of it is before the snapshot's first. By the rules of order the whole merge would put everything behind it, in either
 * base. Strictly before, since messages of one time may stand in either order.
 */
export function isApart({ identities, latestMs }: Fingerprint, lookup: Lookup): boolean {
  return latestMs < lookup.earliestMs && !identities.some((identity) => lookup.identities.has(identity));
}

/**
 * Whether what is stored leaves the snapshot's first message its time, which `isApart` went by: in a merge the stored version
 * may be the one that stays.
 */
export function keepsFirstTime(stored: readonly Message[], { messages, earliestMs }: Lookup): boolean {
  const id = messages[0]?.messageId;
  return stored.every(
    (message) => message.messageId !== id || !id || parseInstant(message.timestamp) === earliestMs,
  );
}

/** Where the next segment would begin in the snapshot, behind what it shares with this one. */
export function positionBehind(messages: readonly Message[], lookup: Lookup, position: number): number {
  for (let index = messages.length - 1; index >= 0; index -= 1) {
    const at = lookup.positions.get(messageIdentity(messages[index]!));
    if (at !== undefined) return at + 1;
  }
  return position;
}

/** FNV-1a: 4 bytes a message. Two of one hash only cost a read. */
function shortHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
