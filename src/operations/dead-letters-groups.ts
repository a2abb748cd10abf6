import type { DeadLetter } from '../azure/service-bus-dead-letters.ts';
import { type FailureRule, failures } from '../pipeline/failures.ts';

/** Dead letters of one reason. */
export type Group = {
  reason: string;
  count: number;
  oldestMs: number;
  newestMs: number;
  /** Sent longer ago than Redis keeps a conversation that rests. */
  overADay: number;
};

const DAY_MS = 24 * 3_600_000;

export type Groups = { add(letter: DeadLetter): void; readonly total: number; all(): Group[] };

/** Counts dead letters by their reasons, the most frequent first. */
export function makeGroups(now: number = Date.now()): Groups {
  const groups = new Map<string, Group>();
  let total = 0;
  return {
    add({ reason, enqueuedAtMs = now }) {
      total += 1;
      const group = groups.get(reason) ?? { reason, count: 0, oldestMs: now, newestMs: 0, overADay: 0 };
      groups.set(reason, group);
      group.count += 1;
      group.oldestMs = Math.min(group.oldestMs, enqueuedAtMs);
      group.newestMs = Math.max(group.newestMs, enqueuedAtMs);
      if (now - enqueuedAtMs > DAY_MS) group.overADay += 1;
    },
    get total() {
      return total;
    },
    all: () => [...groups.values()].sort((one, other) => other.count - one.count),
  };
}

/** Reasons of Service Bus's own; the worker's are those of the table of failures. */
const ofTheBroker: Record<string, string> = {
  MaxDeliveryCountExceeded:
    'workers were killed or lost their locks over it too often: look at their logs, then replay',
  TTLExpiredException:
    'it waited longer than the subscription keeps messages: replay while Redis has the conversation',
  HeaderSizeExceeded: 'mend the publisher: its properties are too large',
  'Session ID is null':
    'mend the publisher: the subscription has sessions, and the message names none; replay',
};

/** What a person can do about dead letters of this reason. */
export function remedyOf(reason: string): string | undefined {
  const rule = Object.hasOwn(failures, reason)
    ? (failures[reason as keyof typeof failures] as FailureRule)
    : undefined;
  return rule?.remedy ?? (Object.hasOwn(ofTheBroker, reason) ? ofTheBroker[reason] : undefined);
}
