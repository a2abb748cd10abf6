import type { DeadLetter, DeadLetters } from '../azure/service-bus-dead-letters.ts';
import { parseEvent, type TurnEvent } from '../history/event.ts';
import { plain } from './plain-text.ts';

/** Which dead letters are meant. Nothing given: all. */
export type Choice = {
  reasons?: readonly string[];
  session?: string | undefined;
  /** Sequence numbers, or ids of messages that are not digits alone. */
  ids?: readonly string[];
};

/** The event that a dead letter announces; undefined where its body is none. */
export function eventOf({ message }: DeadLetter): TurnEvent | undefined {
  const parsed = parseEvent(message.body);
  return parsed.ok ? parsed.event : undefined;
}

/** The chosen ones, in order. @throws the client's error */
export async function* choose(deadLetters: DeadLetters, choice: Choice): AsyncGenerator<DeadLetter, void> {
  for await (const page of deadLetters.peek())
    for (const letter of page) if (isChosen(letter, choice)) yield letter;
}

function isChosen(letter: DeadLetter, { reasons = [], session, ids = [] }: Choice): boolean {
  if (reasons.length > 0 && !reasons.some((reason) => names(reason, letter.reason))) return false;
  if (ids.length > 0 && !ids.some((id) => isOf(id, letter))) return false;
  // Where the body is no event, the session that its sender gave it says whose it is.
  return session === undefined || names(session, eventOf(letter)?.sessionId ?? letter.message.sessionId);
}

/** Digits alone are a sequence number: whoever sends may give a message any id, that of another's number too. */
const isOf = (id: string, { sequenceNumber, messageId }: DeadLetter): boolean =>
  /^\d+$/.test(id) ? id === sequenceNumber : names(id, messageId);

/** What was shown can be typed, also where it was shown as what it is not. */
const names = (typed: string, value: string | undefined): boolean =>
  value !== undefined && (typed === value || typed === plain(value));
