import { type Conversation, parseConversation } from '../history/conversation.ts';
import { parseEvent, type TurnEvent } from '../history/event.ts';
import { Failure, type FailureCode } from '../pipeline/failures.ts';
import { fitMessages } from '../pipeline/fit.ts';
import { type PersistPorts, persist } from '../pipeline/persist.ts';
import type { HistoryStore } from '../pipeline/ports.ts';

/** What became of one conversation that Redis holds. */
export type Outcome =
  /** History had all of it; history lacked something and has it now; it was erased and stays so; Redis forgot it meanwhile. */
  | { kind: 'whole' | 'persisted' | 'erased' | 'gone' }
  | { kind: 'refused'; code: FailureCode; description: string };

export type Reconciled = {
  outcome: Outcome;
  /** Resolves when the title is stored too, or given up (false). Rejects with a Failure. */
  titled: Promise<boolean> | undefined;
};

/**
 * Persists one conversation as the worker would, were an event of it to come: one read of Redis, one of history, at most
 * one write. @throws Failure of a service: nothing is known to be written, all of it may be tried again
 */
export async function reconcileOne(key: Buffer, ports: PersistPorts): Promise<Reconciled> {
  const sessionId = key.toString('utf8');
  // Read by this name it would not be found.
  if (!Buffer.from(sessionId).equals(key)) return refused('InvalidConversation', 'its key is no UTF-8 text');
  let giveRoom = (): void => undefined;
  try {
    const raw = await ports.cache.read(sessionId, async (bytes) => {
      giveRoom = await ports.takeRoom(bytes);
    });
    if (raw === undefined) return { outcome: { kind: 'gone' }, titled: undefined };
    const parsed = parseConversation(raw);
    if (!parsed.ok) return refused('InvalidConversation', parsed.description);
    if (parsed.conversation.sessionId !== sessionId)
      return refused('IdentityMismatch', 'the conversation says that it is of another session than its key');
    const event = eventOf(parsed.conversation);
    if (!event.ok) return refused('InvalidConversation', event.description);
    return await persistRead(raw, parsed.conversation, event.event, ports);
  } catch (error) {
    if (error instanceof Failure && error.code === 'InvalidConversation')
      return refused(error.code, error.message);
    throw error;
  } finally {
    giveRoom();
  }
}

/** Persists what was read. Redis need not be asked for it again. */
async function persistRead(
  raw: string,
  conversation: Conversation,
  event: TurnEvent,
  ports: PersistPorts,
): Promise<Reconciled> {
  const watched = watchWrites(ports.store);
  const { verdicts, history, titled } = await persist(event, [event], {
    ...ports,
    cache: { ...ports.cache, read: async () => raw },
    store: watched.store,
  });
  const [found] = verdicts;
  const verdict = found?.kind === 'wait' ? found.otherwise : found;
  if (verdict && verdict.kind !== 'complete') return refused(verdict.code, verdict.description);
  if (!history) return { outcome: { kind: 'erased' }, titled };
  const { omitted } = fitMessages(conversation, Buffer.byteLength(raw), ports.maxMessageBytes);
  if (omitted.size > 0)
    return {
      ...refused(
        'MessageTooLarge',
        `${omitted.size} of its messages are over the item limit; the rest is persisted`,
      ),
      titled,
    };
  return { outcome: { kind: watched.hasWritten() ? 'persisted' : 'whole' }, titled };
}

/** The event that a publisher would have sent last: by it the worker's own rules say what ids are good. */
const eventOf = ({ sessionId, userId, lastActivity }: Conversation) =>
  parseEvent({
    sessionId,
    userId,
    chatMessageId: '~reconcile',
    completedAt: lastActivity,
    eventType: 'message_completed',
  });

/** Tells whether the head was written: then history lacked something. */
function watchWrites(store: HistoryStore): { store: HistoryStore; hasWritten(): boolean } {
  let written = false;
  const noted = async <T>(write: Promise<T>): Promise<T> => {
    const result = await write;
    if (result !== 'conflict') written = true;
    return result;
  };
  return {
    store: {
      ...store,
      create: (document) => noted(store.create(document)),
      replace: (document, etag) => noted(store.replace(document, etag)),
      append: (ids, appended, etag) => noted(store.append(ids, appended, etag)),
    },
    hasWritten: () => written,
  };
}

const refused = (code: FailureCode, description: string): Reconciled => ({
  outcome: { kind: 'refused', code, description },
  titled: undefined,
});
