import { type Container, CosmosClient, type RequestOptions } from '@azure/cosmos';
import type { TokenCredential } from '@azure/identity';
import type { Config } from '../config.ts';
import type { Message } from '../history/conversation.ts';
import { FALLBACK_TITLE, type HistoryDocument } from '../history/document.ts';
import { Failure } from '../pipeline/failures.ts';
import type { HistoryStore, Ids, WriteResult } from '../pipeline/ports.ts';
import { storeFailure } from './cosmos-failures.ts';
import { withDeadline } from './deadline.ts';

/** Of a point read or write, milliseconds as a rule: what was asked just before an outage ended must not hold its event up for long. */
const CALL_DEADLINE_MS = 5_000;

/**
 * Opens the container and reads what it is keyed by. Every write is conditional; there is no upsert.
 * @throws Failure StoreMisconfigured for a missing container, an account with several write regions, or a partition
 * key that is neither /userId nor /sessionId (nor /id)
 */
export async function openCosmos(config: Config, credential: TokenCredential): Promise<HistoryStore> {
  const { endpoint, access, database, container: name } = config.cosmos;
  const client = new CosmosClient({
    endpoint,
    ...(access.kind === 'key' ? { key: access.key } : { aadCredentials: credential }),
    // Throttling is ours to wait for: the lane steps back and other conversations go on.
    connectionPolicy: {
      requestTimeout: CALL_DEADLINE_MS,
      retryOptions: { maxRetryAttemptCount: 0, fixedRetryIntervalInMilliseconds: 0, maxWaitTimeInSeconds: 0 },
    },
    userAgentSuffix: 'history-worker',
  });
  const container = client.database(database).container(name);
  const keyField = await call('the container', async (abortSignal) => {
    const { resource: account } = await client.getDatabaseAccount({ abortSignal });
    if (account && account.writableLocations.length > 1)
      throw new Failure(
        'StoreMisconfigured',
        `the account has ${account.writableLocations.length} write regions, expected one: conditional writes do not hold across several`,
      );
    const { resource } = await container.read({ abortSignal });
    const paths = resource?.partitionKey?.paths ?? [];
    const field = paths.length === 1 ? paths[0]!.slice(1) : '';
    if (field !== 'userId' && field !== 'sessionId' && field !== 'id')
      throw new Failure(
        'StoreMisconfigured',
        `the container is keyed by ${paths.join(', ')}, expected /userId (or /sessionId)`,
      );
    return field;
  });
  return makeStore(
    container,
    (ids) => (keyField === 'userId' ? ids.userId : ids.sessionId),
    () => client.dispose(),
  );
}

function makeStore(
  container: Container,
  partitionOf: (ids: Ids) => string,
  dispose: () => void,
): HistoryStore {
  const item = (ids: Ids) => container.item(ids.sessionId, partitionOf(ids));
  return {
    read: (ids) =>
      call('a read', async (abortSignal) => {
        const response = await item(ids).read({ abortSignal } as RequestOptions);
        // The client does not throw for a missing container: it looks like a missing item but for the substatus.
        if (response.statusCode === 404 && Number(response.substatus ?? 0) !== 0)
          throw { code: 404, substatus: response.substatus, message: 'the container or database is missing' };
        return response.resource && { item: response.resource, etag: response.etag };
      }),
    create: (document) =>
      write('a create', (abortSignal) => container.items.create(document, { abortSignal }), [409]),
    replace: (document, etag) =>
      write('a replace', (abortSignal) =>
        item(document).replace<HistoryDocument>(document, {
          abortSignal,
          accessCondition: { type: 'IfMatch', condition: etag },
        }),
      ),
    setTitle: (ids, title) =>
      write('a title patch', (abortSignal) =>
        item(ids).patch(
          {
            // The same as `isUntitled` and `readDocument`: what those take for none must not be a conflict here for ever.
            condition: `from c where (NOT IS_STRING(c.title) OR c.title = '' OR c.title = '${FALLBACK_TITLE}') AND (NOT IS_STRING(c.deletedAt) OR c.deletedAt = '')`,
            operations: Object.entries(title).map(([field, value]) => ({
              op: 'set' as const,
              path: `/${field}`,
              value,
            })),
          },
          { abortSignal },
        ),
      ),
    createSegment: (segment) =>
      write('a segment', (abortSignal) => container.items.create(segment, { abortSignal }), [409]),
    readSegment: (ids, id) =>
      call('a segment read', async (abortSignal) => {
        const { resource } = await container
          .item(id, partitionOf(ids))
          .read<{ messages: Message[] }>({ abortSignal });
        return resource?.messages;
      }),
    deleteSegment: (ids, id) =>
      write('a segment delete', (abortSignal) =>
        container.item(id, partitionOf(ids)).delete({ abortSignal }),
      ).then(() => undefined),
    // A right to write is probed by a conditional replace of an item that does not exist: nothing is changed.
    probe: () =>
      write('a probe', (abortSignal) =>
        container
          .item('~probe', '~probe')
          .replace(
            { id: '~probe', userId: '~probe', sessionId: '~probe' },
            { abortSignal, accessCondition: { type: 'IfMatch', condition: '"none"' } },
          ),
      ).then(
        () => undefined,
        (error) => {
          // It answers, if only to ask for patience.
          if (!(error instanceof Failure && error.code === 'StoreThrottled')) throw error;
        },
      ),
    close: async () => dispose(),
  };
}

async function write(
  what: string,
  send: (signal: AbortSignal) => Promise<unknown>,
  // 404/0 on a replace or patch: the item was deleted meanwhile; reading again shows what is there.
  conflicts: readonly unknown[] = [409, 412, 404],
): Promise<WriteResult> {
  return call(what, async (signal) => {
    try {
      await send(signal);
      return 'written';
    } catch (error) {
      const { code, substatus } = error as { code?: unknown; substatus?: unknown };
      if (conflicts.includes(code) && (code !== 404 || Number(substatus ?? 0) === 0)) return 'conflict';
      throw error;
    }
  });
}

async function call<T>(what: string, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
  try {
    return await withDeadline(CALL_DEADLINE_MS, `${what} of Cosmos DB`, send);
  } catch (error) {
    throw error instanceof Failure ? error : storeFailure(what, error);
  }
}
