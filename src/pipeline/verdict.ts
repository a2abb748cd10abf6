import { type Conversation, holdsTurn, type Message } from '../history/conversation.ts';
import type { HistoryDocument } from '../history/document.ts';
import type { TurnEvent } from '../history/event.ts';
import { isMarker } from '../history/marker.ts';
import type { SegmentRef } from '../history/segment.ts';
import type { FailureCode } from './failures.ts';
import type { HistoryStore, Ids } from './ports.ts';

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

/** What is known of a conversation without its segments. */
type History = Ids & { messages: readonly Message[]; lastActivity?: string };

/** What becomes of the events once the snapshot, if there is one, is persisted. @throws Failure */
export async function verdictsOf(
  events: readonly TurnEvent[],
  snapshot: Conversation | undefined,
  { history, apart }: { history: History | undefined; apart: readonly SegmentRef[] },
  store: HistoryStore,
): Promise<Verdict[]> {
  // A deleted conversation stays deleted.
  if (history === undefined) return events.map(() => ({ kind: 'complete' }));
  const verdicts = events.map(
    (event) =>
      tooLarge(event, history.messages) ??
      ((snapshot && holdsTurn(snapshot, event)) || holdsTurn(history, event) ? complete : undefined),
  );
  // What was not read for the write is read for the events that are left: each segment once for all, the newest first.
  for (const { id } of apart.toReversed()) {
    if (!verdicts.includes(undefined)) break;
    const messages = (await store.readSegment(history, id)) ?? [];
    events.forEach((event, index) => {
      verdicts[index] ??=
        tooLarge(event, messages) ?? (holdsTurn({ messages }, event) ? complete : undefined);
    });
  }
  return verdicts.map(
    (verdict, index) =>
      verdict ?? { kind: 'wait', ...notFound(events[index]!.sessionId, snapshot !== undefined) },
  );
}

const complete: Verdict = { kind: 'complete' };

function tooLarge({ chatMessageId }: TurnEvent, messages: readonly Message[]): Verdict | undefined {
  const omitted = messages.find((message) => isMarker(message) && isOfTurn(message.messageId, chatMessageId));
  return (
    omitted && {
      kind: 'dead-letter',
      code: 'MessageTooLarge',
      description: `a message of the turn has ${omitted.omittedBytes} bytes, more than an item can hold; the rest is persisted`,
    }
  );
}

const notFound = (sessionId: string, isInRedis: boolean): { code: FailureCode; description: string } =>
  isInRedis
    ? {
        code: 'TurnNotFound',
        description: `session:${sessionId} is in Redis without the turn, nor does history hold it`,
      }
    : {
        code: 'ConversationNotFound',
        description: `Redis has no session:${sessionId}, and history does not hold the turn`,
      };

const isOfTurn = (messageId: unknown, turn: string): boolean =>
  typeof messageId === 'string' && (messageId === turn || messageId.startsWith(`${turn}_`));
