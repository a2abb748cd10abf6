import { type Conversation, isMessage, isRecord, type Message } from './conversation.ts';
import { withoutRepeats } from './repeats.ts';
import { isSegmentList, type SegmentRef } from './segment.ts';

/** What a conversation is called until it has a title of its own (the seed's words). It counts as none. */
export const FALLBACK_TITLE = 'New Conversation';

/** The stored conversation: the seed's fields, and those of ours that stand only where needed. */
export type HistoryDocument = {
  id: string;
  sessionId: string;
  userId: string;
  title: string;
  createdAt: string;
  lastActivity: string;
  persistedAt: string;
  messages: Message[];
  deletedAt?: string;
  /** The model refused for good (content filter): no later event asks again. */
  titleRefused?: boolean;
  /** Where the older messages are, of a conversation that outgrew an item; `messages` then holds the newest. */
  segments?: SegmentRef[];
  [field: string]: unknown;
};

/** What an item of the container turned out to be, seen from one conversation of one user. */
export type StoredItem =
  | { kind: 'conversation'; document: HistoryDocument }
  | { kind: 'tombstone' }
  | { kind: 'foreign'; description: string };

/** Whether a title is none: absent, blank, or the fallback. */
export function isUntitled(title: unknown): boolean {
  return typeof title !== 'string' || title.trim() === '' || title === FALLBACK_TITLE;
}

/** The document of a conversation that history does not know yet, its fields in the order of the seed's sample. */
export function newDocument(
  conversation: Conversation,
  given: { title?: string | undefined; persistedAt: string },
): HistoryDocument {
  const { sessionId, userId, createdAt, lastActivity, messages } = conversation;
  const title = isUntitled(conversation.title) ? (given.title ?? FALLBACK_TITLE) : conversation.title!;
  return {
    id: sessionId,
    sessionId,
    userId,
    title,
    createdAt,
    lastActivity,
    persistedAt: given.persistedAt,
    messages: withoutRepeats(messages),
  };
}

/**
 * Whether a conversation is marked as deleted: by the worker's own operations with a time as text, by other services with a number
 * or `true`. Null, false, 0 and an empty text are how some of them say that it is not.
 */
export const isDeleted = (deletedAt: unknown): boolean => Boolean(deletedAt);

/** Cosmos DB's own fields of an item. */
export const SYSTEM_FIELDS: readonly string[] = ['_rid', '_self', '_etag', '_ts', '_attachments', '_lsn'];

/**
 * Says what a stored item is to this user's conversation. Lenient where an older worker was (no sessionId, no createdAt, a message's
 * timestamp of another kind: what is stored is kept, not judged), strict where a mistake would put one user's history into another's item.
 */
export function readDocument(item: unknown, ids: { sessionId: string; userId: string }): StoredItem {
  if (!isRecord(item)) return foreign('it is no object');
  if (item.id !== ids.sessionId) return foreign('its id is not the session id');
  if (item.userId !== ids.userId) return foreign('its userId is not the event’s');
  if (item.sessionId !== undefined && item.sessionId !== ids.sessionId)
    return foreign('its sessionId is another');
  if (isDeleted(item.deletedAt)) return { kind: 'tombstone' };
  if (!Array.isArray(item.messages)) return foreign('it has no array of messages');
  if (item.segments !== undefined && !isSegmentList(item.segments))
    return foreign('its list of segments is none of ours');
  const faulty = item.messages.findIndex((message) => !isMessage(message));
  if (faulty >= 0) return foreign(`its messages[${faulty}] is no object with a role`);
  const own = Object.entries(item).filter(([field]) => !SYSTEM_FIELDS.includes(field));
  return {
    kind: 'conversation',
    document: { ...Object.fromEntries(own), sessionId: ids.sessionId } as HistoryDocument,
  };
}

const foreign = (description: string): StoredItem => ({ kind: 'foreign', description });

/** Whether a title is to be asked for: it has none, and the model has not refused it for good. */
export const wantsTitle = ({ title, titleRefused }: HistoryDocument): boolean =>
  isUntitled(title) && !titleRefused;
