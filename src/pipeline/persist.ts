import { type Conversation, type Message, parseConversation } from '../history/conversation.ts';
import {
  FALLBACK_TITLE,
  type HistoryDocument,
  isUntitled,
  newDocument,
  readDocument,
} from '../history/document.ts';
import type { TurnEvent } from '../history/event.ts';
import { mergeConversations } from '../history/merge.ts';
import { append } from './append.ts';
import { type Assembled, assemble, type KnownSegments } from './assemble.ts';
import { Failure, isFinal } from './failures.ts';
import { fitMessages } from './fit.ts';
import type { Clock, ConversationCache, Ids } from './ports.ts';
import { storeTitle } from './store-title.ts';
import type { Titling } from './titling.ts';
import { type Kept, makeUnstored } from './unstored.ts';
import { type Verdict, verdictsOf, type Written, waitElse } from './verdict.ts';
import type { Stored, Warm } from './warm.ts';
import type { RoundFacts } from './watch.ts';
import { type PagePorts, writePages } from './write-pages.ts';

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

export type PersistPorts = PagePorts & {
  cache: ConversationCache;
  titling: Titling;
  clock: Clock;
  knownSegments: KnownSegments;
  warm: Warm;
  /** A message larger than this (bytes of JSON) is kept as a marker. */
  maxMessageBytes: number;
  /** Room for a large conversation, to be given back when it is no longer in hand. */
  takeRoom: (bytes: number) => Promise<() => void>;
  /** Told what there is to know of this round. */
  note?: (facts: RoundFacts) => void;
};

/** Other writers are few; after this many lost races the conversation steps back for a while. */
const MAX_WRITE_ATTEMPTS = 8;

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

/** Read, merge, write under a condition, until a write holds or there is nothing to write. */
async function write(
  ids: Ids,
  snapshot: Conversation,
  isWanted: () => boolean,
  ports: PersistPorts,
): Promise<Written> {
  const key = keyOf(ids);
  let brokenEtag: string | undefined;
  for (let attempt = 0; attempt < MAX_WRITE_ATTEMPTS; attempt += 1) {
    // Asked for before the read: what it brings may be stored, and forgotten, while the read is on its way.
    const underWay = ports.titling.underWay(key);
    const remembered = attempt === 0 ? ports.warm.of(key) : undefined;
    const found = remembered ? asFound(remembered) : await readHistory(ids, ports);
    if (found?.kind === 'tombstone') return { history: undefined, apart: [], titled: undefined };
    const assembled = await assemble(ids, found?.document, snapshot.messages, ports);
    if (!assembled) {
      // Unless the head has moved on meanwhile: a replica that lags behind, or somebody's mistake.
      if (found?.etag === brokenEtag)
        throw new Failure('SegmentMissing', 'a segment that the head lists is not there');
      brokenEtag = found?.etag;
      continue;
    }
    const now = new Date(ports.clock.now()).toISOString();
    const merged = found && mergeConversations(whole(found.document, assembled), snapshot);
    const document = merged ? merged.document : newDocument(snapshot, { persistedAt: now });
    // An older worker's item may have a title that is none in another way; the title's patch asks for this one.
    if (isUntitled(document.title)) document.title = FALLBACK_TITLE;

    const job = wantsTitle(document)
      ? (underWay ?? ports.titling.job(key, await beginningOf(ids, document, assembled, ports)))
      : undefined;
    // Only an answer that is there already goes with this write: the model never delays durability.
    const carried = job?.outcome;
    if (carried && 'title' in carried) document.title = carried.title;
    if (carried && 'titleRefused' in carried) document.titleRefused = true;

    const changed =
      !merged ||
      merged.changed ||
      document.title !== found!.document.title ||
      document.titleRefused !== found!.document.titleRefused;
    let kind: RoundFacts['write'] = 'none';
    if (changed) {
      if (!isWanted()) throw new Failure('LockLost', 'the locks were lost before anything was written');
      document.persistedAt = now;
      const appended = merged && (await append(ids, found!, merged.appended, document, ports));
      const written = appended ?? (await writePages(ids, document, assembled, found?.etag, ports));
      if (remembered) ports.warm.tried(written !== 'conflict');
      if (written === 'conflict') {
        ports.warm.forget(key);
        continue;
      }
      kind = appended ? 'append' : found ? 'replace' : 'create';
      // An untitled one is read each time: somebody may have named it.
      if (!wantsTitle(document)) ports.warm.note(key, written);
    } else if (!wantsTitle(document)) ports.warm.note(key, found!);
    ports.note?.({ messages: countOf(document, assembled), write: kind, conflicts: attempt });
    if (!wantsTitle(document)) ports.titling.forget(key, carried ? 'stored' : 'overtaken');
    const titled = job && !carried ? storeTitle(ids, key, job, ports) : undefined;
    return { history: document, apart: assembled.apart, titled };
  }
  throw new Failure(
    'WriteContended',
    `${MAX_WRITE_ATTEMPTS} conditional writes were each overtaken by another writer`,
  );
}

const wantsTitle = (document: HistoryDocument): boolean =>
  isUntitled(document.title) && !document.titleRefused;

/** The stored conversation with what is in its segments, but for those that stay apart. */
const whole = (head: HistoryDocument, { parts }: Assembled): HistoryDocument =>
  parts.length === 0
    ? head
    : { ...head, messages: [...parts.flatMap(({ messages }) => messages), ...head.messages] };

const countOf = ({ messages }: HistoryDocument, { apart }: Assembled): number =>
  apart.reduce((sum, { count }) => sum + count, messages.length);

/** The messages that a title is made from: the first ones, wherever they are. */
async function beginningOf(
  ids: Ids,
  document: HistoryDocument,
  { apart }: Assembled,
  { store }: PersistPorts,
): Promise<readonly Message[]> {
  const first = apart[0] && (await store.readSegment(ids, apart[0].id));
  return first ?? document.messages;
}

type Found = ({ kind: 'conversation' } & Stored) | { kind: 'tombstone' };

const asFound = (stored: Stored): Found => ({ kind: 'conversation', ...stored });

async function readHistory(ids: Ids, { store, titling }: PersistPorts): Promise<Found | undefined> {
  const stored = await store.read(ids);
  if (!stored) return undefined;
  const item = readDocument(stored.item, ids);
  if (item.kind === 'foreign')
    throw new Failure(
      'ForeignItem',
      `the item ${ids.sessionId} is no conversation of this user: ${item.description}`,
    );
  // Who still waits to ask the model need not any more.
  if (item.kind === 'tombstone' || !wantsTitle(item.document)) titling.forget(keyOf(ids));
  if (item.kind === 'tombstone') return item;
  return { ...item, etag: stored.etag, bytes: Buffer.byteLength(JSON.stringify(item.document)) };
}

function identityMismatch(conversation: Conversation, ids: Ids): string | undefined {
  if (conversation.sessionId !== ids.sessionId)
    return 'the conversation in Redis has another sessionId than the event';
  if (conversation.userId !== ids.userId)
    return 'the conversation in Redis has another userId than the event';
  return undefined;
}

/** One key a conversation of one user; neither part may run into the other. */
export const keyOf = (ids: Ids): string => JSON.stringify([ids.userId, ids.sessionId]);

/** What stands in such a key. */
export function idsOfKey(key: string): Ids {
  const [userId, sessionId] = JSON.parse(key) as [string, string];
  return { userId, sessionId };
}
