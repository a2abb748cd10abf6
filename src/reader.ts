import { type Container, CosmosClient } from '@azure/cosmos';
import type { TokenCredential } from '@azure/identity';
import { IS_NO_SEGMENT, IS_NOT_DELETED } from './azure/cosmos-conditions.ts';
import type { HistoryDocument } from './history/document.ts';
import { readDocument } from './history/document.ts';
import { messagesOfSegment } from './history/segment.ts';
import { Failure } from './pipeline/failures.ts';

export type ReaderOptions = {
  endpoint: string;
  /** Entra ID, or for local work the account's key. */
  access: { credential: TokenCredential } | { key: string };
  database: string;
  container: string;
};

/** What a list shows of a conversation. */
export type Listed = { id: string; title: string; createdAt: string; lastActivity: string };

export type Reader = {
  /**
   * A conversation with all of its messages, in order, whatever pages they are on. Undefined: there is none, or it was deleted.
   * @throws Failure ForeignItem for an item that is no conversation of this user; SegmentMissing for one whose pages are not there
   */
  read(ids: { sessionId: string; userId: string }): Promise<HistoryDocument | undefined>;
  /** A user's conversations, the latest first, a page at a time. */
  list(
    userId: string,
    options?: { pageSize?: number; continuation?: string },
  ): Promise<{ conversations: Listed[]; continuation: string | undefined }>;
  close(): void;
};

/** A writer that exchanges pages all the time would have to be faster than a read so many times in a row. */
const MAX_ATTEMPTS = 10;

/** Opens history for reading, for services that show it. It needs no rights but to read the container. */
export function openReader({ endpoint, access, database, container: name }: ReaderOptions): Reader {
  const client = new CosmosClient({
    endpoint,
    ...('key' in access ? { key: access.key } : { aadCredentials: access.credential }),
    // So that the pages are seen that the head lists.
    consistencyLevel: 'Session',
    userAgentSuffix: 'history-worker-reader',
  });
  const container = client.database(database).container(name);
  let keyField: Promise<string> | undefined;
  const fieldOf = (): Promise<string> => {
    keyField ??= keyFieldOf(container).catch((error) => {
      keyField = undefined;
      throw error;
    });
    return keyField;
  };

  return {
    async read(ids) {
      const field = await fieldOf();
      const item = (id: string) =>
        container.item(id, field === 'userId' ? ids.userId : field === 'sessionId' ? ids.sessionId : id);
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        const { resource } = await item(ids.sessionId).read();
        if (!resource) return undefined;
        const found = readDocument(resource, ids);
        if (found.kind === 'foreign') throw new Failure('ForeignItem', found.description);
        if (found.kind === 'tombstone') return undefined;
        const { segments = [], ...document } = found.document;
        const pages = await Promise.all(
          segments.map(async ({ id }) => messagesOfSegment((await item(id).read()).resource, ids)),
        );
        // One that is not there any more means that the head has moved on: begin again.
        if (pages.includes(undefined)) continue;
        return { ...document, messages: [...pages.flat(), ...document.messages] } as HistoryDocument;
      }
      throw new Failure('SegmentMissing', `${ids.sessionId}: a page that the head lists is not there`);
    },
    async list(userId, { pageSize = 50, continuation } = {}) {
      const byUser = (await fieldOf()) === 'userId';
      const from = continuation === undefined ? undefined : readPlace(continuation);
      const seen = new Set(from?.seen);
      const query = container.items.query<Listed>(
        {
          query: `SELECT c.id, c.title, c.createdAt, c.lastActivity FROM c WHERE c.userId = @userId AND ${IS_NO_SEGMENT} AND ${IS_NOT_DELETED}${from ? ' AND c.lastActivity <= @before' : ''} ORDER BY c.lastActivity DESC`,
          parameters: [
            { name: '@userId', value: userId },
            ...(from ? [{ name: '@before', value: from.before }] : []),
          ],
        },
        // One more tells whether there is another page.
        { maxItemCount: pageSize + seen.size + 1, ...(byUser ? { partitionKey: userId } : {}) },
      );
      const found: Listed[] = [];
      while (found.length <= pageSize && query.hasMoreResults()) {
        const { resources } = await query.fetchNext();
        found.push(...(resources ?? []).filter(({ id }) => !seen.has(id)));
      }
      const conversations = found.slice(0, pageSize);
      const isAll = found.length <= pageSize;
      return { conversations, continuation: isAll ? undefined : writePlace(conversations, from) };
    },
    close: () => client.dispose(),
  };
}

/**
 * Where a page ended: at this time, with these of it told already. The client has no continuation of its own where it has to sort
 * what several physical partitions answer (Azure/azure-sdk-for-js#12308, #20140).
 */
type Place = { before: string; seen: string[] };

function writePlace(conversations: readonly Listed[], from: Place | undefined): string {
  const before = conversations.at(-1)!.lastActivity;
  const seen = conversations.filter(({ lastActivity }) => lastActivity === before).map(({ id }) => id);
  const place: Place = { before, seen: from?.before === before ? [...from.seen, ...seen] : seen };
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

function readPlace(continuation: string): Place {
  try {
    const { before, seen } = JSON.parse(Buffer.from(continuation, 'base64url').toString('utf8'));
    if (typeof before === 'string' && Array.isArray(seen)) return { before, seen };
  } catch {
    // It is no JSON: as wrong as what follows.
  }
  throw new TypeError('The continuation is none that a list has given.');
}

async function keyFieldOf(container: Container): Promise<string> {
  const { resource } = await container.read();
  return resource?.partitionKey?.paths[0]?.slice(1) ?? 'userId';
}
