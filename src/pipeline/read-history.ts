import { readDocument, wantsTitle } from '../history/document.ts';
import { keyOf } from './conversation-key.ts';
import { Failure } from './failures.ts';
import type { HistoryStore, Ids } from './ports.ts';
import type { Titling } from './titling.ts';
import type { Stored } from './warm.ts';

/** What a read has found. */
export type Found = ({ kind: 'conversation' } & Stored) | { kind: 'tombstone' };

/** What is remembered, as if it had been read. */
export const asFound = (stored: Stored): Found => ({ kind: 'conversation', ...stored });

/** What history holds of a conversation: its head, or its tombstone. @throws Failure ForeignItem, or a store's */
export async function readHistory(
  ids: Ids,
  { store, titling }: { store: HistoryStore; titling: Titling },
): Promise<Found | undefined> {
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
  return { ...item, etag: stored.etag };
}
