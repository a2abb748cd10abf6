import { openCosmos } from '../azure/cosmos.ts';
import { call } from '../azure/cosmos-container.ts';
import { openQueries } from '../azure/cosmos-queries.ts';
import { makeCredential } from '../azure/credential.ts';
import type { Config } from '../config.ts';
import type { Message } from '../history/conversation.ts';
import { readDocument } from '../history/document.ts';
import { openConfiguredReader } from '../operations/configured-reader.ts';
import { isLive } from '../operations/erase-history.ts';
import { Failure } from '../pipeline/failures.ts';
import type { Ids } from '../pipeline/ports.ts';
import type { Listed } from '../reader.ts';

export type Shown = {
  title: string;
  sessionId: string;
  userId: string;
  createdAt: string;
  lastActivity: string;
  persistedAt: string;
  /** Where the older messages are, oldest first; to be asked for one by one. */
  pages: { id: string; count: number; bytes: number }[];
  /** The newest messages. */
  messages: Message[];
};

export type Found =
  | { kind: 'conversation'; conversation: Shown }
  /** Several users have a session of that name. */
  | { kind: 'several'; userIds: string[] }
  | { kind: 'none' | 'erased' };

export type History = {
  find(sessionId: string, userId: string | undefined): Promise<Found>;
  /** Older messages of a conversation. Undefined: it has changed meanwhile, and lists another page instead. */
  page(ids: Ids, pageId: string): Promise<Message[] | undefined>;
  /** A user's conversations, the latest first. */
  list(
    userId: string,
    continuation: string | undefined,
  ): Promise<{ conversations: Listed[]; continuation: string | undefined }>;
  close(): Promise<void>;
};

const LISTED_AT_ONCE = 25;
const LIST_DEADLINE_MS = 20_000;
const MAX_USERS = 50;

/**
 * History as the page reads it: an item at a time, so that a conversation of any length costs the worker no more memory than an
 * item does. @throws Failure of Cosmos DB
 */
export async function openHistory(config: Config): Promise<History> {
  const credential = makeCredential(config.azureClientId);
  const store = await openCosmos(config, credential);
  const queries = await openQueries(config, credential).catch(async (error) => {
    await store.close();
    throw error;
  });
  const reader = openConfiguredReader(config, credential);

  /** Whose session it is. */
  async function ownersOf(sessionId: string, userId: string | undefined): Promise<Found | Ids> {
    const heads = [];
    for await (const page of queries.heads({ sessionId, userId })) {
      heads.push(...page);
      if (heads.length > MAX_USERS) break;
    }
    const live = heads.filter(isLive);
    if (live.length > 1)
      return { kind: 'several', userIds: live.slice(0, MAX_USERS).map((head) => head.userId) };
    if (live.length === 0) return { kind: heads.length > 0 ? 'erased' : 'none' };
    return { sessionId, userId: live[0]!.userId };
  }

  return {
    async find(sessionId, userId) {
      const owner = await ownersOf(sessionId, userId);
      if ('kind' in owner) return owner;
      const stored = await store.read(owner);
      if (!stored) return { kind: 'none' };
      const found = readDocument(stored.item, owner);
      if (found.kind === 'foreign') throw new Failure('ForeignItem', found.description);
      if (found.kind === 'tombstone') return { kind: 'erased' };
      const { title, createdAt, lastActivity, persistedAt, segments = [], messages } = found.document;
      const pages = segments.map(({ id, count, bytes }) => ({ id, count, bytes }));
      return {
        kind: 'conversation',
        conversation: { ...owner, title, createdAt, lastActivity, persistedAt, pages, messages },
      };
    },
    page: (ids, pageId) => store.readSegment(ids, pageId),
    list: (userId, continuation) =>
      call(
        'a list of conversations',
        () =>
          reader.list(userId, {
            pageSize: LISTED_AT_ONCE,
            ...(continuation === undefined ? {} : { continuation }),
          }),
        LIST_DEADLINE_MS,
      ),
    async close() {
      queries.close();
      reader.close();
      await store.close();
    },
  };
}
