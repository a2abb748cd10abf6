import type { Chance } from './chance.ts';
import type { DeadLetterReason, Talk } from './ledger.ts';
import type { Speaker } from './talk.ts';

type Kind = { reason: DeadLetterReason; make: (given: Given) => unknown; value?: (given: Given) => string };
type Given = { serial: number; chance: Chance; at: string };

const good = ({ serial, at }: Given) => ({
  sessionId: `sess_poison_${serial}`,
  userId: 'user_poison',
  chatMessageId: `msg_poison_${serial}`,
  completedAt: at,
  eventType: 'message_completed',
});
const conversation = (given: Given, more: Record<string, unknown> = {}): string => {
  const { sessionId, userId } = good(given);
  const { at } = given;
  return JSON.stringify({
    sessionId,
    userId,
    title: null,
    createdAt: at,
    lastActivity: at,
    messages: [],
    ...more,
  });
};

const kinds: readonly Kind[] = [
  { reason: 'InvalidEvent', make: () => '{"sessionId": "sess_' },
  { reason: 'InvalidEvent', make: () => [] },
  { reason: 'InvalidEvent', make: (given) => ({ ...good(given), userId: undefined }) },
  { reason: 'InvalidEvent', make: (given) => ({ ...good(given), chatMessageId: 42 }) },
  { reason: 'InvalidEvent', make: (given) => ({ ...good(given), completedAt: 'yesterday' }) },
  { reason: 'InvalidEvent', make: (given) => ({ ...good(given), sessionId: 'sess/../other' }) },
  { reason: 'InvalidEvent', make: (given) => ({ ...good(given), sessionId: '~seg|sess' }) },
  { reason: 'UnexpectedEventType', make: (given) => ({ ...good(given), eventType: 'message_started' }) },
  { reason: 'IdentityMismatch', make: good, value: (given) => conversation(given, { userId: 'user_0' }) },
  {
    reason: 'IdentityMismatch',
    make: good,
    value: (given) => conversation(given, { sessionId: 'sess_other' }),
  },
  { reason: 'InvalidConversation', make: good, value: (given) => conversation(given).slice(0, -5) },
  { reason: 'InvalidConversation', make: good, value: (given) => conversation(given, { messages: {} }) },
  {
    reason: 'InvalidConversation',
    make: good,
    value: (given) => conversation(given, { messages: [{ content: 'no role' }] }),
  },
];

/**
 * Puts in one event that deserves its dead letter: a body that is no event, a conversation that is none or is another
 * user's, or the session of somebody's talk under a stranger's name.
 */
export async function putPoison(speaker: Speaker, serial: number, victim: Talk | undefined): Promise<void> {
  const { frontEnd, ledger, chance } = speaker;
  const given: Given = { serial, chance, at: new Date().toISOString() };
  const isTheft = victim !== undefined && chance.percent(20);
  const kind = chance.pick(kinds);
  const body = isTheft ? { ...good(given), sessionId: victim.sessionId } : kind.make(given);
  const reason = isTheft ? 'IdentityMismatch' : kind.reason;
  const key = `session:${good(given).sessionId}`;
  if (!isTheft && kind.value) {
    if (kind.reason === 'InvalidConversation' && chance.percent(25)) await frontEnd.push(key, 'a list');
    else await frontEnd.show(key, kind.value(given));
  }
  const messageId = `poison_${serial}_event`;
  ledger.events.set(messageId, reason);
  ledger.sends += 1;
  await frontEnd.send({ messageId, sessionId: good(given).sessionId, body });
}
