import type { Message } from '../history/conversation.ts';
import type { HistoryDocument } from '../history/document.ts';
import { type Appended, type HistoryStore, type Ids, MAX_APPENDED_MESSAGES } from './ports.ts';
import { type Stored, sizeOf } from './warm.ts';

/** The fields of a head that an append may set. */
const FIELDS = ['lastActivity', 'persistedAt', 'title', 'titleRefused'] as const;

/**
 * Writes only what is new, where the stored messages stay as they are and the page has room: a turn of a long conversation then sends
 * its own bytes, not all of them. Answers undefined where that is not so, and the whole has to be written.
 * @throws Failure whose write had an unknown outcome
 */
export async function append(
  ids: Ids,
  found: Stored,
  messages: readonly Message[] | null,
  document: HistoryDocument,
  { store, pageBytes }: { store: HistoryStore; pageBytes: number },
): Promise<Stored | 'conflict' | undefined> {
  if (!messages || messages.length > MAX_APPENDED_MESSAGES) return undefined;
  const changed = FIELDS.filter((field) => document[field] !== found.document[field]);
  const fields = Object.fromEntries(changed.map((field) => [field, document[field]]));
  const bytes = sizeOf(found) + Buffer.byteLength(JSON.stringify({ ...fields, messages }));
  if (bytes > pageBytes) return undefined;
  const appended = { ...fields, messages } as Appended;
  const result = await store.append(ids, appended, found.etag);
  if (result === 'conflict') return result;
  const head = { ...found.document, ...fields, messages: [...found.document.messages, ...messages] };
  return { document: head, etag: result.etag, bytes };
}
