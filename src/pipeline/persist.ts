import { type Conversation, parseConversation } from '../history/conversation.ts';
import { type HistoryDocument, newDocument } from '../history/document.ts';
import type { TurnEvent } from '../history/event.ts';
import { mergeConversations } from '../history/merge.ts';
import { keyOf } from './conversation-key.ts';
import { Failure, isFinal } from './failures.ts';
import { fitMessages } from './fit.ts';
import type { Clock, ConversationCache, Ids } from './ports.ts';
import { readHistory } from './read-history.ts';
import { type Kept, makeUnstored } from './unstored.ts';
import { type Verdict, verdictsOf, waitElse } from './verdict.ts';
import { type WritePorts, write } from './write.ts';

export type Persisted = {
  verdicts: Verdict[];
  /** What history now holds, if it was seen, and when the snapshot behind it was read: a hint for later events. */
  history: HistoryDocument | undefined;
  readAtMs: number;
  /**
   * Resolves when the title is stored too, or given up (false): the events are settled after it.
   * Rejects with a Failure.
   */
  titled: Promise<boolean> | undefined;
};

export type PersistPorts = WritePorts & {
  cache: ConversationCache;
  clock: Clock;
  /** A message larger than this (bytes of JSON) is kept as a marker. */
  maxMessageBytes: number;
  /** Room for a large conversation, to be given back when it is no longer in hand. */
  takeRoom: (bytes: number) => Promise<() => void>;
};

/**
 * Makes one conversation durable for a group of its events: one read of Redis, one of history, at most one write.
 * Every event was received before the read was issued, so that one snapshot covers them all. What earlier rounds have read and
 * not stored is stored with it. `isWanted` is asked before each write: the locks may have been lost meanwhile.
 * @throws Failure whose rule says hold: nothing is known to be written, all of it may be tried again; what was read is kept
 */
export async function persist(
  ids: Ids,
  events: readonly TurnEvent[],
  ports: PersistPorts,
  isWanted: () => boolean = () => true,
  kept: Kept = makeUnstored(0).of(keyOf(ids)),
): Promise<Persisted> {
  const readAtMs = ports.clock.now();
  let giveRoom = (): void => undefined;
  let unstored = (): void => undefined;
  try {
    const raw = await ports.cache.read(ids.sessionId, async (bytes) => {
      giveRoom = await ports.takeRoom(bytes);
    });
    if (raw !== undefined) ports.note?.({ bytes: Buffer.byteLength(raw) });
    const shown = raw === undefined ? undefined : readSnapshot(raw, ids, ports.maxMessageBytes);
    const fresh = shown instanceof Failure ? undefined : shown;
    const snapshot = together(kept.snapshot, fresh);
    if (fresh && snapshot) unstored = () => kept.keep(snapshot, raw!.length);
    const written = snapshot && (await write(ids, snapshot, isWanted, ports));
    // Behind the write: what was read before it could be read no more is stored all the same.
    if (shown instanceof Failure) throw shown;
    if (!written) return await withoutSnapshot(ids, events, readAtMs, ports);
    const verdicts = await verdictsOf(events, fresh !== undefined, written, ports.store);
    kept.forget();
    return { verdicts, history: written.history, readAtMs, titled: written.titled };
  } catch (error) {
    const isLost = error instanceof Failure && isFinal(error.code);
    ports.warm.forget(keyOf(ids));
    if (isLost) kept.forget();
    else unstored();
    if (!isLost && !(error instanceof Failure && error.code === 'SegmentMissing')) throw error;
    ports.titling.forget(keyOf(ids));
    const { code, message: description } = error;
    const verdict: Verdict = isLost
      ? { kind: 'dead-letter', code, description }
      : waitElse(code, description);
    return { verdicts: events.map(() => verdict), history: undefined, readAtMs, titled: undefined };
  } finally {
    giveRoom();
  }
}

/** What Redis holds, fit to be stored; or what is wrong with it. */
function readSnapshot(raw: string, ids: Ids, maxMessageBytes: number): Conversation | Failure {
  const parsed = parseConversation(raw);
  if (!parsed.ok) return new Failure('InvalidConversation', parsed.description);
  const mismatch = identityMismatch(parsed.conversation, ids);
  if (mismatch) return new Failure('IdentityMismatch', mismatch);
  return fitMessages(parsed.conversation, Buffer.byteLength(raw), maxMessageBytes).conversation;
}

/** Two snapshots as one, by the rules by which they would be merged one after the other. */
function together(
  earlier: Conversation | undefined,
  later: Conversation | undefined,
): Conversation | undefined {
  if (!earlier || !later) return later ?? earlier;
  const { title, createdAt, lastActivity, messages } = mergeConversations(
    newDocument(earlier, { persistedAt: '' }),
    later,
  ).document;
  return { sessionId: later.sessionId, userId: later.userId, title, createdAt, lastActivity, messages };
}

async function withoutSnapshot(
  ids: Ids,
  events: readonly TurnEvent[],
  readAtMs: number,
  ports: PersistPorts,
): Promise<Persisted> {
  const found = await readHistory(ids, ports);
  const document = found?.kind === 'tombstone' ? undefined : (found?.document ?? { ...ids, messages: [] });
  const apart = found?.kind === 'conversation' ? (found.document.segments ?? []) : [];
  const verdicts = await verdictsOf(events, false, { history: document, apart }, ports.store);
  return { verdicts, history: undefined, readAtMs, titled: undefined };
}

function identityMismatch(conversation: Conversation, ids: Ids): string | undefined {
  if (conversation.sessionId !== ids.sessionId)
    return 'the conversation in Redis has another sessionId than the event';
  if (conversation.userId !== ids.userId)
    return 'the conversation in Redis has another userId than the event';
  return undefined;
}
