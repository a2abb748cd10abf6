import { hash } from 'node:crypto';
import { isMessage, isRecord, type Message } from './conversation.ts';
import { SEGMENT_PREFIX } from './event.ts';

/** The oldest messages of a conversation that outgrew an item. Written once and never changed (SPEC §3, Pages). */
export type Segment = {
  /** `~seg|` and a UUID. */
  id: string;
  type: 'segment';
  sessionId: string;
  userId: string;
  messages: Message[];
};

/** How a head lists a segment; only what a head lists belongs to the conversation. */
export type SegmentRef = {
  id: string;
  count: number;
  /** Of the messages as JSON. */
  bytes: number;
  /** Tells whether a run of a snapshot is the same messages, without a read: SHA-256 of their JSON, base64url. */
  digest: string;
};

/** A new segment of these messages, and how a head lists it. */
export function makeSegment(
  ids: { sessionId: string; userId: string },
  messages: Message[],
  uuid: string,
): { segment: Segment; ref: SegmentRef } {
  const json = JSON.stringify(messages);
  const id = `${SEGMENT_PREFIX}${uuid}`;
  return {
    segment: { id, type: 'segment', sessionId: ids.sessionId, userId: ids.userId, messages },
    ref: { id, count: messages.length, bytes: Buffer.byteLength(json), digest: digestOf(json) },
  };
}

/** As `SegmentRef` has it. */
export const digestOf = (json: string): string => hash('sha256', json, 'base64url');

/** The messages of an item that is a page of this conversation; undefined where it is none, or what is in it are no messages. */
export function messagesOfSegment(
  item: unknown,
  ids: { sessionId: string; userId: string },
): Message[] | undefined {
  if (!isRecord(item) || item.type !== 'segment') return undefined;
  const { sessionId, userId, messages } = item;
  if (sessionId !== ids.sessionId || userId !== ids.userId) return undefined;
  return Array.isArray(messages) && messages.every(isMessage) ? messages : undefined;
}

/** Whether a stored list of segments is one: a head whose list cannot be trusted must not be written over. */
export function isSegmentList(value: unknown): value is SegmentRef[] {
  return (
    Array.isArray(value) &&
    value.every(
      (ref) =>
        isRecord(ref) &&
        typeof ref.id === 'string' &&
        ref.id.startsWith(SEGMENT_PREFIX) &&
        Number.isInteger(ref.count) &&
        Number.isInteger(ref.bytes) &&
        typeof ref.digest === 'string',
    )
  );
}
