import type { Conversation, Message } from '../history/conversation.ts';
import {
  FALLBACK_TITLE,
  type HistoryDocument,
  isUntitled,
  newDocument,
  wantsTitle,
} from '../history/document.ts';
import { mergeConversations } from '../history/merge.ts';
import { append } from './append.ts';
import { type Assembled, assemble, type KnownSegments } from './assemble.ts';
import { keyOf } from './conversation-key.ts';
import { Failure } from './failures.ts';
import type { Ids } from './ports.ts';
import { asFound, readHistory } from './read-history.ts';
import { storeTitle } from './store-title.ts';
import type { Titling } from './titling.ts';
import type { Written } from './verdict.ts';
import type { Warm } from './warm.ts';
import type { RoundFacts } from './watch.ts';
import { type PagePorts, writePages } from './write-pages.ts';

export type WritePorts = PagePorts & {
  titling: Titling;
  knownSegments: KnownSegments;
  warm: Warm;
  /** Told what there is to know of this round. */
  note?: (facts: RoundFacts) => void;
};

/** Other writers are few; after this many lost races the conversation steps back for a while. */
const MAX_WRITE_ATTEMPTS = 8;
/** Of what may be taken for a new conversation. */
const GUESSED_MESSAGES = 40;
const GUESSED_LENGTH = 32_768;

/** Read, merge, write under a condition, until a write holds or there is nothing to write. */
export async function write(
  ids: Ids,
  snapshot: Conversation,
  isWanted: () => boolean,
  ports: WritePorts,
): Promise<Written> {
  const key = keyOf(ids);
  let brokenEtag: string | undefined;
  for (let attempt = 0; attempt < MAX_WRITE_ATTEMPTS; attempt += 1) {
    // Asked for before the read: what it brings may be stored, and forgotten, while the read is on its way.
    const underWay = ports.titling.underWay(key);
    const remembered = attempt === 0 ? ports.warm.of(key) : undefined;
    const isGuessedNew =
      attempt === 0 && !remembered && !underWay && isSmall(snapshot) && ports.warm.newness.worthTrying();
    const found = remembered ? asFound(remembered) : isGuessedNew ? undefined : await readHistory(ids, ports);
    if (found?.kind === 'tombstone') return { history: undefined, apart: [], titled: undefined };
    const assembled = await assemble(ids, found?.document, snapshot.messages, ports);
    if (!assembled) {
      // Unless the head has moved on meanwhile: a replica that lags behind, or somebody's mistake.
      if (found?.etag === brokenEtag)
        throw new Failure(
          'SegmentMissing',
          'a segment that the head lists is not there, or is no page of this conversation',
        );
      brokenEtag = found?.etag;
      continue;
    }
    const now = new Date(ports.clock.now()).toISOString();
    const merged = found && mergeConversations(whole(found.document, assembled), snapshot);
    const document = merged ? merged.document : newDocument(snapshot, { persistedAt: now });
    // An older worker's item may have a title that is none in another way; the title's patch asks for this one.
    if (isUntitled(document.title)) document.title = FALLBACK_TITLE;

    const startJob = async () => ports.titling.job(key, await beginningOf(ids, document, assembled, ports));
    // A guess is no reason to ask the model: history may have a title.
    let job = wantsTitle(document) && !isGuessedNew ? (underWay ?? (await startJob())) : undefined;
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
      if (remembered) ports.warm.odds.tried(written !== 'conflict');
      if (isGuessedNew) ports.warm.newness.tried(written !== 'conflict');
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
    if (isGuessedNew && wantsTitle(document)) job = await startJob();
    const titled = job && !carried ? storeTitle(ids, key, job, ports) : undefined;
    return { history: document, apart: assembled.apart, titled };
  }
  throw new Failure(
    'WriteContended',
    `${MAX_WRITE_ATTEMPTS} conditional writes were each overtaken by another writer`,
  );
}

/** A long conversation is hardly new, and a create that is refused costs by its size. */
const isSmall = ({ messages }: Conversation): boolean =>
  messages.length <= GUESSED_MESSAGES && JSON.stringify(messages).length <= GUESSED_LENGTH;

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
  { store }: WritePorts,
): Promise<readonly Message[]> {
  const first = apart[0] && (await store.readSegment(ids, apart[0].id));
  return first ?? document.messages;
}
