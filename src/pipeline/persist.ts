import { type Conversation, holdsTurn, parseConversation } from '../history/conversation.ts';
import {
  FALLBACK_TITLE,
  type HistoryDocument,
  isUntitled,
  newDocument,
  readDocument,
} from '../history/document.ts';
import type { TurnEvent } from '../history/event.ts';
import { isMarker } from '../history/marker.ts';
import { mergeConversations } from '../history/merge.ts';
import { Failure, type FailureCode } from './failures.ts';
import { fitMessages } from './fit.ts';
import type { Clock, ConversationCache, HistoryStore, Ids } from './ports.ts';
import type { TitleJob, Titling } from './titling.ts';

/** What became of one event: settled so, or not yet (its turn is not to be seen). */
export type Verdict =
  | { kind: 'complete' }
  | { kind: 'dead-letter'; code: FailureCode; description: string }
  | { kind: 'wait'; code: 'ConversationNotFound' | 'TurnNotFound'; description: string };

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

export type PersistPorts = {
  cache: ConversationCache;
  store: HistoryStore;
  titling: Titling;
  clock: Clock;
  maxItemBytes: number;
};

/** Other writers are few; after this many lost races the conversation steps back for a while. */
const MAX_WRITE_ATTEMPTS = 8;

/**
 * Makes one conversation durable for a group of its events: one read of Redis, one of history, at most one write.
 * Every event was received before the read was issued, so that one snapshot covers them all.
 * @throws Failure whose rule says hold: nothing is known to be written, all of it may be tried again.
 */
export async function persist(
  ids: Ids,
  events: readonly TurnEvent[],
  ports: PersistPorts,
): Promise<Persisted> {
  const readAtMs = ports.clock.now();
  const all = (verdict: Verdict): Persisted => ({
    verdicts: events.map(() => verdict),
    history: undefined,
    readAtMs,
    titled: undefined,
  });
  try {
    const raw = await ports.cache.read(ids.sessionId, async () => undefined);
    if (raw === undefined) return await withoutSnapshot(ids, events, readAtMs, ports);
    const parsed = parseConversation(raw);
    if (!parsed.ok) throw new Failure('InvalidConversation', parsed.description);
    const mismatch = identityMismatch(parsed.conversation, ids);
    if (mismatch) throw new Failure('IdentityMismatch', mismatch);
    const { conversation } = fitMessages(parsed.conversation, Buffer.byteLength(raw), ports.maxItemBytes);
    const { history, titled } = await write(ids, conversation, ports);
    const verdicts = events.map((event) => verdictOf(event, conversation, history));
    return { verdicts, history, readAtMs, titled };
  } catch (error) {
    if (!(error instanceof Failure && isFinal(error.code))) throw error;
    ports.titling.forget(keyOf(ids));
    return all({ kind: 'dead-letter', code: error.code, description: error.message });
  }
}

const finalCodes: ReadonlySet<FailureCode> = new Set([
  'InvalidConversation',
  'IdentityMismatch',
  'ForeignItem',
  'PartitionFull',
  'RejectedByStore',
]);
const isFinal = (code: FailureCode): boolean => finalCodes.has(code);

async function withoutSnapshot(
  ids: Ids,
  events: readonly TurnEvent[],
  readAtMs: number,
  ports: PersistPorts,
): Promise<Persisted> {
  const found = await readHistory(ids, ports.store);
  const verdicts = events.map((event): Verdict => {
    if (found?.kind === 'tombstone') return { kind: 'complete' };
    if (found && holdsTurn(found.document, event)) return { kind: 'complete' };
    return {
      kind: 'wait',
      code: 'ConversationNotFound',
      description: `Redis has no session:${ids.sessionId}, and history does not hold the turn`,
    };
  });
  return { verdicts, history: undefined, readAtMs, titled: undefined };
}

/** Read, merge, write under a condition, until a write holds or there is nothing to write. */
async function write(
  ids: Ids,
  snapshot: Conversation,
  ports: PersistPorts,
): Promise<{ history: HistoryDocument | undefined; titled: Promise<boolean> | undefined }> {
  const key = keyOf(ids);
  for (let attempt = 0; attempt < MAX_WRITE_ATTEMPTS; attempt += 1) {
    const found = await readHistory(ids, ports.store);
    if (found?.kind === 'tombstone') {
      ports.titling.forget(key);
      return { history: undefined, titled: undefined };
    }
    const now = new Date(ports.clock.now()).toISOString();
    const merged = found && mergeConversations(found.document, snapshot);
    const document = merged ? merged.document : newDocument(snapshot, { persistedAt: now });
    // An older worker's item may have a title that is none in another way; the title's patch asks for this one.
    if (isUntitled(document.title)) document.title = FALLBACK_TITLE;

    const job = wantsTitle(document) ? ports.titling.job(key, document.messages) : undefined;
    // Only an answer that is there already goes with this write: the model never delays durability.
    const carried = job?.outcome;
    if (carried && 'title' in carried) document.title = carried.title;
    if (carried && 'titleRefused' in carried) document.titleRefused = true;

    const changed =
      !merged ||
      merged.changed ||
      document.title !== found!.document.title ||
      document.titleRefused !== found!.document.titleRefused;
    if (changed) {
      document.persistedAt = now;
      const result = found
        ? await ports.store.replace(document, found.etag)
        : await ports.store.create(document);
      if (result === 'conflict') continue;
    }
    if (!wantsTitle(document)) ports.titling.forget(key);
    return { history: document, titled: job && !carried ? storeTitle(ids, key, job, ports) : undefined };
  }
  throw new Failure(
    'WriteContended',
    `${MAX_WRITE_ATTEMPTS} conditional writes were each overtaken by another writer`,
  );
}

const wantsTitle = (document: HistoryDocument): boolean =>
  isUntitled(document.title) && !document.titleRefused;

function storeTitle(ids: Ids, key: string, job: TitleJob, ports: PersistPorts): Promise<boolean> {
  const store = async (): Promise<boolean> => {
    const outcome = await job.answered;
    // A conflict means that a user or another worker has named it by now: theirs stays.
    const brought = !('none' in outcome);
    if (brought) await ports.store.setTitle(ids, outcome);
    ports.titling.forget(key);
    return brought;
  };
  job.stored ??= store().catch((error) => {
    // The conversation is durable: a title that this document cannot take is one that cannot be had.
    if (error instanceof Failure && isFinal(error.code)) {
      ports.titling.forget(key);
      return false;
    }
    // The answer is kept: the next round carries it in its write.
    job.stored = undefined;
    throw error;
  });
  return job.stored;
}

type Found = { kind: 'conversation'; document: HistoryDocument; etag: string } | { kind: 'tombstone' };

async function readHistory(ids: Ids, store: HistoryStore): Promise<Found | undefined> {
  const stored = await store.read(ids);
  if (!stored) return undefined;
  const item = readDocument(stored.item, ids);
  if (item.kind === 'foreign')
    throw new Failure(
      'ForeignItem',
      `the item ${ids.sessionId} is no conversation of this user: ${item.description}`,
    );
  return item.kind === 'tombstone' ? item : { ...item, etag: stored.etag };
}

function identityMismatch(conversation: Conversation, ids: Ids): string | undefined {
  if (conversation.sessionId !== ids.sessionId)
    return 'the conversation in Redis has another sessionId than the event';
  if (conversation.userId !== ids.userId)
    return 'the conversation in Redis has another userId than the event';
  return undefined;
}

function verdictOf(event: TurnEvent, snapshot: Conversation, history: HistoryDocument | undefined): Verdict {
  if (history === undefined) return { kind: 'complete' }; // a tombstone: deleted conversations stay deleted
  const turn = history.messages.filter(
    (message) => isMarker(message) && isOfTurn(message.messageId, event.chatMessageId),
  );
  if (turn.length > 0)
    return {
      kind: 'dead-letter',
      code: 'MessageTooLarge',
      description: `a message of the turn has ${turn[0]!.omittedBytes} bytes, more than an item can hold; the rest is persisted`,
    };
  if (holdsTurn(snapshot, event) || holdsTurn(history, event)) return { kind: 'complete' };
  return {
    kind: 'wait',
    code: 'TurnNotFound',
    description: `session:${event.sessionId} is in Redis without the turn, nor does history hold it`,
  };
}

const isOfTurn = (messageId: unknown, turn: string): boolean =>
  typeof messageId === 'string' && (messageId === turn || messageId.startsWith(`${turn}_`));

/** One key a conversation of one user; neither part may run into the other. */
export const keyOf = (ids: Ids): string => JSON.stringify([ids.userId, ids.sessionId]);
