import type { Message } from './conversation.ts';
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
  /** Tells whether a run of a snapshot is the same messages, without a read. */
  digest: string;
};

export const segmentId = (uuid: string): string => `${SEGMENT_PREFIX}${uuid}`;
