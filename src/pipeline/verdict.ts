import type { Message } from '../history/conversation.ts';
import type { HistoryDocument } from '../history/document.ts';
import type { TurnEvent } from '../history/event.ts';
import { isMarker } from '../history/marker.ts';
import type { SegmentRef } from '../history/segment.ts';
import { holdsTurn, isOfTurn, namesTurn } from '../history/turn.ts';
import type { FailureCode } from './failures.ts';
import type { HistoryStore, Ids } from './ports.ts';

/** What becomes of one event. */
export type Decided = { kind: 'complete' } | { kind: 'dead-letter'; code: FailureCode; description: string };

/** Or nothing yet: its turn is not to be seen. It is tried again for a while, for `atMostMs` if that is shorter, and `otherwise` then decided. */
export type Verdict = Decided | { kind: 'wait'; otherwise: Decided; atMostMs: number };

/** How long a turn is looked for that is only likely to be held: lags are seldom longer. */
const LOOK_AGAIN_MS = 5_000;

export type Written = {
  /** The conversation as it is stored now, but for the segments that stayed apart. Undefined: it was deleted. */
  history: HistoryDocument | undefined;
  apart: readonly SegmentRef[];
  titled: Promise<boolean> | undefined;
};

/** What is known of a conversation without its segments. */
type History = Ids & { messages: readonly Message[]; lastActivity?: string };

/** What becomes of the events once the snapshot, if there was one (`isInRedis`), is persisted. @throws Failure */
export async function verdictsOf(
  events: readonly TurnEvent[],
  isInRedis: boolean,
  { history, apart }: { history: History | undefined; apart: readonly SegmentRef[] },
  store: HistoryStore,
): Promise<Verdict[]> {
  // A deleted conversation stays deleted.
  if (history === undefined) return events.map(() => complete);
  const verdicts: (Verdict | undefined)[] = events.map(
    (event) => tooLarge(event, history.messages) ?? verdictOf(holdsTurn(history, event)),
  );
  // What was not read for the write is read for the events that are left: each segment once for all, the newest first.
  for (const { id } of apart.toReversed()) {
    if (!verdicts.includes(undefined)) break;
    const messages = (await store.readSegment(history, id)) ?? [];
    events.forEach((event, index) => {
      verdicts[index] ??= tooLarge(event, messages) ?? (namesTurn(messages, event) ? complete : undefined);
    });
  }
  return verdicts.map((verdict, index) => verdict ?? notFound(events[index]!.sessionId, isInRedis));
}

const complete: Decided = { kind: 'complete' };

function verdictOf(held: ReturnType<typeof holdsTurn>): Verdict | undefined {
  if (held === 'likely') return { kind: 'wait', otherwise: complete, atMostMs: LOOK_AGAIN_MS };
  return held && complete;
}

function tooLarge({ chatMessageId }: TurnEvent, messages: readonly Message[]): Decided | undefined {
  const omitted = messages.find((message) => isMarker(message) && isOfTurn(message, chatMessageId));
  return (
    omitted && {
      kind: 'dead-letter',
      code: 'MessageTooLarge',
      description: `a message of the turn has ${omitted.omittedBytes} bytes, more than an item can hold; the rest is persisted`,
    }
  );
}

const notFound = (sessionId: string, isInRedis: boolean): Verdict =>
  waitElse(
    isInRedis ? 'TurnNotFound' : 'ConversationNotFound',
    isInRedis
      ? `session:${sessionId} is in Redis without the turn, nor does history hold it`
      : `Redis has no session:${sessionId}, and history does not hold the turn`,
  );

/** The whole of TURN_WAIT_SECONDS, then a dead letter. */
export const waitElse = (code: FailureCode, description: string): Verdict => ({
  kind: 'wait',
  otherwise: { kind: 'dead-letter', code, description },
  atMostMs: Number.POSITIVE_INFINITY,
});
