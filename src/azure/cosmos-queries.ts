import type { SqlQuerySpec } from '@azure/cosmos';
import type { TokenCredential } from '@azure/identity';
import type { Config } from '../config.ts';
import { FALLBACK_TITLE } from '../history/document.ts';
import { SEGMENT_PREFIX } from '../history/event.ts';
import type { Ids } from '../pipeline/ports.ts';
import { call, openContainer } from './cosmos-container.ts';

export type FoundSegment = Ids & { id: string };

/**
 * Questions to all of the container, or to a user's partition where it is keyed so; answered page by page, with ids alone. Items
 * of others in a shared container are left out as far as a query can tell them. @throws Failure of each call
 */
export type Queries = {
  /** Heads of this session id, whoever they are of. A user may have a session of the same name as another's. */
  headsOf(sessionId: string): AsyncIterable<Ids[]>;
  /** Heads of a user's conversations, erased ones too. */
  headsOfUser(userId: string): AsyncIterable<Ids[]>;
  /** Conversations that have no title, were not refused one for good, and are not deleted. */
  untitled(): AsyncIterable<Ids[]>;
  /** Segments, whether a head lists them or not. */
  segmentsOf(of: { userId: string; sessionId?: string | undefined }): AsyncIterable<FoundSegment[]>;
  close(): void;
};

const PAGE_SIZE = 500;
/** A page of a query over all partitions may take long, and the client itself waits where the account throttles. */
const PAGE_DEADLINE_MS = 40_000;

const IS_HEAD = "(NOT IS_DEFINED(c.type) OR c.type != 'segment') AND IS_ARRAY(c.messages)";
// As `isUntitled` and `readDocument` have it.
const IS_UNTITLED = `(NOT IS_STRING(c.title) OR c.title = '' OR c.title = '${FALLBACK_TITLE}') AND (NOT IS_DEFINED(c.titleRefused) OR c.titleRefused = false) AND (NOT IS_STRING(c.deletedAt) OR c.deletedAt = '')`;

/** @throws Failure as `openContainer` */
export async function openQueries(config: Config, credential: TokenCredential): Promise<Queries> {
  const { container, partitionOf, close } = await openContainer(config, credential, { isPatient: true });
  const isByUser = partitionOf({ userId: 'user', sessionId: 'session' }, 'id') === 'user';

  async function* pages<T>(query: SqlQuerySpec, userId?: string): AsyncIterable<T[]> {
    const iterator = container.items.query<T>(query, {
      maxItemCount: PAGE_SIZE,
      ...(isByUser && userId !== undefined ? { partitionKey: userId } : {}),
    });
    while (iterator.hasMoreResults()) {
      const { resources } = await call('a query', () => iterator.fetchNext(), PAGE_DEADLINE_MS);
      if (resources && resources.length > 0) yield resources;
    }
  }

  async function* heads(condition: string, parameters: Record<string, string>, userId?: string) {
    const query = {
      query: `SELECT c.id, c.userId FROM c WHERE ${condition}`,
      parameters: Object.entries(parameters).map(([name, value]) => ({ name, value })),
    };
    for await (const page of pages<{ id: unknown; userId: unknown }>(query, userId))
      yield page.flatMap(({ id, userId }) =>
        typeof id === 'string' && typeof userId === 'string' ? [{ sessionId: id, userId }] : [],
      );
  }

  return {
    headsOf: (sessionId) => heads(`c.id = @sessionId AND ${IS_HEAD}`, { '@sessionId': sessionId }),
    headsOfUser: (userId) => heads(`c.userId = @userId AND ${IS_HEAD}`, { '@userId': userId }, userId),
    untitled: () => heads(`${IS_HEAD} AND ${IS_UNTITLED}`, {}),
    async *segmentsOf({ userId, sessionId }) {
      const ofSession = sessionId === undefined ? '' : ' AND c.sessionId = @sessionId';
      const query = {
        query: `SELECT c.id, c.sessionId, c.userId FROM c WHERE c.type = 'segment' AND c.userId = @userId${ofSession}`,
        parameters: [
          { name: '@userId', value: userId },
          ...(sessionId === undefined ? [] : [{ name: '@sessionId', value: sessionId }]),
        ],
      };
      // A shared container may have items of others that call themselves so.
      for await (const page of pages<FoundSegment>(query, userId))
        yield page.filter(({ id, sessionId: of }) => id.startsWith(SEGMENT_PREFIX) && typeof of === 'string');
    },
    close,
  };
}
