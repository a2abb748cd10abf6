import type { SqlQuerySpec } from '@azure/cosmos';
import type { TokenCredential } from '@azure/identity';
import type { Config } from '../config.ts';
import { isDeleted } from '../history/document.ts';
import { SEGMENT_PREFIX } from '../history/event.ts';
import type { Ids } from '../pipeline/ports.ts';
import { IS_NO_SEGMENT, IS_NOT_DELETED, IS_UNTITLED } from './cosmos-conditions.ts';
import { call, openContainer } from './cosmos-container.ts';

export type FoundSegment = Ids & { id: string };

/** A head as a query tells of it. */
export type FoundHead = Ids & {
  /** It is marked as deleted. */
  isDeleted: boolean;
  /** It has a title, times, pages or messages still: more than a tombstone has. */
  isFilled: boolean;
  lastActivity: string | undefined;
};

/** What belongs to a user, or to one session of a user, or to one session of whomever. */
export type Scope = { userId?: string | undefined; sessionId?: string | undefined };

/**
 * Questions to all of the container, or to a user's partition where it is keyed so; answered page by page, without any content. Items
 * of others in a shared container are left out as far as a query can tell them. @throws Failure of each call
 */
export type Queries = {
  /** Heads, deleted ones too. A user may have a session of the same name as another's. */
  heads(of: Scope): AsyncIterable<FoundHead[]>;
  /** Segments, whether a head lists them or not. */
  segments(of: Scope): AsyncIterable<FoundSegment[]>;
  /** Conversations that have no title, were not refused one for good, and are not deleted. */
  untitled(): AsyncIterable<Ids[]>;
  close(): void;
};

const PAGE_SIZE = 500;
/** A page of a query over all partitions may take long, and the client itself waits where the account throttles. */
const PAGE_DEADLINE_MS = 40_000;

const IS_HEAD = `${IS_NO_SEGMENT} AND IS_ARRAY(c.messages)`;
const WANTS_TITLE = `${IS_UNTITLED} AND (NOT IS_DEFINED(c.titleRefused) OR c.titleRefused = false) AND ${IS_NOT_DELETED}`;

/** @throws Failure as `openContainer` */
export async function openQueries(config: Config, credential: TokenCredential): Promise<Queries> {
  const { container, keyField, close } = await openContainer(config, credential, { isPatient: true });

  async function* pages<T>(query: SqlQuerySpec, userId?: string): AsyncIterable<T[]> {
    const iterator = container.items.query<T>(query, {
      maxItemCount: PAGE_SIZE,
      ...(keyField === 'userId' && userId !== undefined ? { partitionKey: userId } : {}),
    });
    while (iterator.hasMoreResults()) {
      const { resources } = await call('a query', () => iterator.fetchNext(), PAGE_DEADLINE_MS);
      if (resources && resources.length > 0) yield resources;
    }
  }

  return {
    async *heads(of) {
      // The id of a head is its session id; an older worker's has that alone.
      const where = scoped(IS_HEAD, of, 'c.id');
      // A message without a role is none. What is in it is not asked for.
      const fields =
        'c.id, c.userId, c.deletedAt, c.title, c.createdAt, c.lastActivity, c.segments, c.messages[0].role AS role';
      for await (const page of pages<Row>({ ...where, query: `SELECT ${fields} ${where.query}` }, of.userId))
        yield page.flatMap((row) => idsOf(row).map((ids) => ({ ...ids, ...stateOf(row) })));
    },
    async *segments(of) {
      const where = scoped("c.type = 'segment'", of, 'c.sessionId');
      const query = { ...where, query: `SELECT c.id, c.userId, c.sessionId ${where.query}` };
      // A shared container may have items of others that call themselves so.
      for await (const page of pages<FoundSegment>(query, of.userId))
        yield page.filter(
          ({ id, userId, sessionId }) =>
            id.startsWith(SEGMENT_PREFIX) && typeof userId === 'string' && typeof sessionId === 'string',
        );
    },
    async *untitled() {
      const query = { query: `SELECT c.id, c.userId FROM c WHERE ${IS_HEAD} AND ${WANTS_TITLE}` };
      for await (const page of pages<Row>(query)) yield page.flatMap(idsOf);
    },
    close,
  };
}

type Row = {
  id?: unknown;
  userId?: unknown;
  deletedAt?: unknown;
  title?: unknown;
  createdAt?: unknown;
  lastActivity?: unknown;
  segments?: unknown;
  role?: unknown;
};

const idsOf = ({ id, userId }: Row): Ids[] =>
  typeof id === 'string' && typeof userId === 'string' ? [{ sessionId: id, userId }] : [];

const stateOf = ({ deletedAt, title, createdAt, lastActivity, segments, role }: Row) => ({
  isDeleted: isDeleted(deletedAt),
  isFilled: [title, createdAt, lastActivity, segments, role].some((value) => value !== undefined),
  lastActivity: typeof lastActivity === 'string' ? lastActivity : undefined,
});

/** The condition of a query, from FROM on. */
function scoped(condition: string, { userId, sessionId }: Scope, sessionField: string): SqlQuerySpec {
  const both = [
    { name: '@userId', field: 'c.userId', value: userId },
    { name: '@sessionId', field: sessionField, value: sessionId },
  ].flatMap(({ value, ...rest }) => (value === undefined ? [] : [{ ...rest, value }]));
  return {
    query: `FROM c WHERE ${[condition, ...both.map(({ field, name }) => `${field} = ${name}`)].join(' AND ')}`,
    parameters: both.map(({ name, value }) => ({ name, value })),
  };
}
