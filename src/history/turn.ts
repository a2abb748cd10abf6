import type { Message } from './conversation.ts';
import type { TurnEvent } from './event.ts';
import { parseInstant } from './timestamp.ts';

/** Publishers whose message ids do not follow the turn's are recognised by time, within this (SPEC §1). */
const TURN_TOLERANCE_MS = 60_000;

/** Whether a message bears the turn's id, or that id with `_…` behind it. What is stored is not checked: its ids may be numbers. */
export function isOfTurn({ messageId: id }: { messageId?: unknown }, turn: string): boolean {
  return (
    typeof id === 'string' && id.startsWith(turn) && (id.length === turn.length || id[turn.length] === '_')
  );
}

/** Whether a message of the turn is among these. From the end: a turn is nearly always the newest. */
export function namesTurn(messages: readonly Message[], { chatMessageId }: TurnEvent): boolean {
  return messages.findLastIndex((message) => isOfTurn(message, chatMessageId)) >= 0;
}

/** So many of the newest messages are looked at. */
const LOOKED_AT = 8;

/**
 * Whether a conversation holds the event's turn: by name, or by its last activity from 60 s before the turn was completed on, for
 * publishers with other ids (SPEC §1). `likely` where it was last active before that time and looks as if the turn, or its end, were still on
 * its way, behind a replica that lags or an event that was faster.
 */
export function holdsTurn(
  { messages, lastActivity }: { messages: readonly Message[]; lastActivity?: string | undefined },
  event: TurnEvent,
): 'held' | 'likely' | undefined {
  const isNamed = namesTurn(messages, event);
  const behindMs = event.completedAtMs - (parseInstant(lastActivity) ?? Number.NEGATIVE_INFINITY);
  if (!isNamed && behindMs > TURN_TOLERANCE_MS) return undefined;
  const isDoubtful = isNamed ? endsWithin(messages, event) : bearTurnIds(messages);
  return isDoubtful && behindMs > 0 ? 'likely' : 'held';
}

/** Of messages that an answer follows. Its own role is `assistant`, or whatever the publisher calls it (`ai`, `model`, a name). */
const ANSWERED_ROLES = new Set(['system', 'developer', 'user', 'human', 'tool', 'function']);

/** Whether the last message is of the turn and not its answer, which is always the last: a question, a call or a result of tools. */
function endsWithin(messages: readonly Message[], { chatMessageId }: TurnEvent): boolean {
  const last = messages.at(-1)!;
  if (!isOfTurn(last, chatMessageId)) return false;
  return ANSWERED_ROLES.has(last.role) || (Array.isArray(last.tool_calls) && last.tool_calls.length > 0);
}

/** Whether the newest messages bear ids of turns, as far as that shows: a role behind an id, or one id on two neighbours. */
function bearTurnIds(messages: readonly Message[]): boolean {
  const ids = messages.slice(-LOOKED_AT).map(({ messageId }) => messageId);
  return ids.some(
    (id, index) =>
      typeof id === 'string' &&
      (/._(user|assistant|system|tool)\w*$/.test(id) || (id !== '' && id === ids[index - 1])),
  );
}
