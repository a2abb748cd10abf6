import { isRecord } from '../history/conversation.ts';
import { type HistoryDocument, readDocument, SYSTEM_FIELDS } from '../history/document.ts';
import { Failure } from '../pipeline/failures.ts';
import type { HistoryStore, Ids } from '../pipeline/ports.ts';

/** What was there: a conversation; a tombstone already; or nothing, which is a tombstone now, so that nothing comes later either. */
export type Buried = 'erased' | 'erased before' | 'forestalled';

const MAX_ATTEMPTS = 8;

/**
 * Puts a tombstone in the place of a conversation's head: ids and `deletedAt`, nothing else. A worker that comes later, with
 * whatever event, finds it and writes nothing (SPEC §3). One that somebody else has set, over a conversation that is still there,
 * is emptied. Safe to repeat, also with the same `deletedAt` after an attempt whose outcome is unknown.
 * @throws Failure ForeignItem for an item that is no conversation of this user: it is left alone; or a store's
 */
export async function bury(ids: Ids, deletedAt: string, store: HistoryStore): Promise<Buried> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const stored = await store.read(ids);
    if (!stored) {
      if ((await store.create(tombstone(ids, deletedAt))) !== 'conflict') return 'forestalled';
      continue;
    }
    const found = readDocument(stored.item, ids);
    if (found.kind === 'foreign')
      throw new Failure(
        'ForeignItem',
        `the item ${ids.sessionId} is no conversation of this user: ${found.description}`,
      );
    const item = stored.item as HistoryDocument;
    if (found.kind === 'tombstone' && isBare(item))
      return item.deletedAt === deletedAt ? 'erased' : 'erased before';
    const since = found.kind === 'tombstone' ? item.deletedAt! : deletedAt;
    if ((await store.replace(tombstone(ids, since), stored.etag)) !== 'conflict') return 'erased';
  }
  throw new Failure(
    'WriteContended',
    `${MAX_ATTEMPTS} conditional writes of a tombstone were each overtaken by another writer`,
  );
}

/** `messages` stays, as the list that it is everywhere else. */
const tombstone = ({ sessionId, userId }: Ids, deletedAt: string): HistoryDocument =>
  ({
    id: sessionId,
    sessionId,
    userId,
    deletedAt,
    messages: [],
  }) as Partial<HistoryDocument> as HistoryDocument;

const OWN = ['id', 'sessionId', 'userId', 'deletedAt', 'messages'];
const BARE = new Set([...OWN, ...SYSTEM_FIELDS]);

const isBare = (item: HistoryDocument): boolean =>
  isRecord(item) &&
  Object.keys(item).every((field) => BARE.has(field)) &&
  Array.isArray(item.messages) &&
  item.messages.length === 0;
