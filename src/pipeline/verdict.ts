import { type Conversation, holdsTurn } from '../history/conversation.ts';
import type { HistoryDocument } from '../history/document.ts';
import type { TurnEvent } from '../history/event.ts';
import { isMarker } from '../history/marker.ts';
import type { SegmentRef } from '../history/segment.ts';
import type { FailureCode } from './failures.ts';
import type { HistoryStore } from './ports.ts';

/** What became of one event: settled so, or not yet (its turn is not to be seen). */
export type Verdict =
  | { kind: 'complete' }
  | { kind: 'dead-letter'; code: FailureCode; description: string }
  | { kind: 'wait'; code: FailureCode; description: string };

export type Written = {
  /** The conversation as it is stored now, but for the segments that stayed apart. Undefined: it was deleted. */
  history: HistoryDocument | undefined;
  apart: readonly SegmentRef[];
  titled: Promise<boolean> | undefined;
};

/** What becomes of an event once the snapshot is persisted. */
export async function verdictOf(
  event: TurnEvent,
  snapshot: Conversation,
  { history, apart }: Written,
  store: HistoryStore,
): Promise<Verdict> {
  if (history === undefined) return { kind: 'complete' }; // a tombstone: deleted conversations stay deleted
  const omitted = history.messages.find(
    (message) => isMarker(message) && isOfTurn(message.messageId, event.chatMessageId),
  );
  if (omitted)
    return {
      kind: 'dead-letter',
      code: 'MessageTooLarge',
      description: `a message of the turn has ${omitted.omittedBytes} bytes, more than an item can hold; the rest is persisted`,
    };
  const isHeld =
    holdsTurn(snapshot, event) ||
    (await holdsTurnSomewhere({ ...history, segments: [...apart] }, event, store));
  if (isHeld) return { kind: 'complete' };
  return {
    kind: 'wait',
    code: 'TurnNotFound',
    description: `session:${event.sessionId} is in Redis without the turn, nor does history hold it`,
  };
}

/** Whether the turn is in the head or, the newest first, in a segment. */
export async function holdsTurnSomewhere(
  { messages, lastActivity, segments = [] }: HistoryDocument,
  event: TurnEvent,
  store: HistoryStore,
): Promise<boolean> {
  if (holdsTurn({ messages, lastActivity }, event)) return true;
  for (const { id } of segments.toReversed())
    if (holdsTurn({ messages: (await store.readSegment(event, id)) ?? [] }, event)) return true;
  return false;
}

const isOfTurn = (messageId: unknown, turn: string): boolean =>
  typeof messageId === 'string' && (messageId === turn || messageId.startsWith(`${turn}_`));
