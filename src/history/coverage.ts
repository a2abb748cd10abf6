import type { Message } from './conversation.ts';
import { messageIdentity } from './identity.ts';
import { digestOf, type SegmentRef } from './segment.ts';
import { parseInstant } from './timestamp.ts';

/** What a process keeps of a segment that it has read once: enough to tell that a snapshot has nothing to do with it. */
export type Fingerprint = { identities: Uint32Array; latestMs: number };

/** A snapshot as it is held against the segments of a conversation. */
export type Lookup = {
  messages: readonly Message[];
  /** By identity, the position of its last message of that name. */
  positions: ReadonlyMap<string, number>;
  identities: ReadonlySet<number>;
  /** The time of its first message; minus infinity where it has none. */
  earliestMs: number;
};

export function makeLookup(messages: readonly Message[]): Lookup {
  const positions = new Map(messages.map((message, index) => [messageIdentity(message), index]));
  return {
    messages,
    positions,
    identities: new Set([...positions.keys()].map(shortHash)),
    earliestMs: parseInstant(messages[0]?.timestamp) ?? Number.NEGATIVE_INFINITY,
  };
}

export function fingerprintOf(messages: readonly Message[]): Fingerprint {
  const times = messages.map(({ timestamp }) => parseInstant(timestamp) ?? Number.NEGATIVE_INFINITY);
  return {
    identities: Uint32Array.from(messages, (message) => shortHash(messageIdentity(message))),
    latestMs: times.reduce((latest, at) => Math.max(latest, at), Number.NEGATIVE_INFINITY),
  };
}

/** Whether the snapshot shows, from this position on, just the messages of the segment: then they need not be read. */
export function isCoveredAt(ref: SegmentRef, { messages }: Lookup, position: number): boolean {
  const run = messages.slice(position, position + ref.count);
  return run.length === ref.count && digestOf(JSON.stringify(run)) === ref.digest;
}

/**
 * Whether a segment at the front of a conversation can stay out of a merge: it shares no message with the snapshot, and all
 * of it is before the snapshot's first. By the rules of order the whole merge would put everything behind it, in either
 * base. Strictly before, since messages of one time may stand in either order.
 */
export function isApart({ identities, latestMs }: Fingerprint, lookup: Lookup): boolean {
  return latestMs < lookup.earliestMs && !identities.some((identity) => lookup.identities.has(identity));
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
