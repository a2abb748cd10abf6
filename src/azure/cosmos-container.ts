import { type Container, CosmosClient, type RequestOptions } from '@azure/cosmos';
import type { TokenCredential } from '@azure/identity';
import type { Config } from '../config.ts';
import { Failure } from '../pipeline/failures.ts';
import type { Ids, WriteResult } from '../pipeline/ports.ts';
import { storeFailure } from './cosmos-failures.ts';
import { withDeadline } from './deadline.ts';

/** Of a point read or write, milliseconds as a rule: what was asked just before an outage ended must not hold its event up for long. */
const CALL_DEADLINE_MS = 5_000;

/** The container of history. */
export type HistoryContainer = {
  container: Container;
  keyField: 'userId' | 'sessionId' | 'id';
  partitionOf(ids: Ids): string;
  /** Undefined: there is no item of that id. @throws Failure, also where it is the container that is missing */
  read(ids: Ids, id: string): Promise<{ item: unknown; etag: string } | undefined>;
  dispose(): void;
};

/**
 * Opens the container and reads what it is keyed by.
 * @throws Failure StoreMisconfigured for a missing container, an account with several write regions, or a partition
 * key that is neither /userId nor /sessionId (nor /id)
 */
export async function openContainer(
  { endpoint, access, database, container: name }: Config['cosmos'],
  credential: TokenCredential | undefined,
): Promise<HistoryContainer> {
  const client = new CosmosClient({
    endpoint,
    ...(access.kind === 'key' ? { key: access.key } : credential ? { aadCredentials: credential } : {}),
    // Throttling is ours to wait for: the lane steps back and other conversations go on.
    connectionPolicy: {
      requestTimeout: CALL_DEADLINE_MS,
      retryOptions: { maxRetryAttemptCount: 0, fixedRetryIntervalInMilliseconds: 0, maxWaitTimeInSeconds: 0 },
    },
    userAgentSuffix: 'history-worker',
  });
  const container = client.database(database).container(name);
  try {
    const { keyField, reading } = await call('the container', (signal) => lookAt(client, container, signal));
    const partitionOf = (ids: Ids): string => (keyField === 'userId' ? ids.userId : ids.sessionId);
    return {
      container,
      keyField,
      partitionOf,
      read: (ids, id) =>
        call('a read', async (abortSignal) => {
          const response = await container.item(id, partitionOf(ids)).read({ ...reading, abortSignal });
          // The client does not throw for a missing container: it looks like a missing item but for the substatus.
          if (response.statusCode === 404 && Number(response.substatus ?? 0) !== 0)
            throw {
              code: 404,
              substatus: response.substatus,
              message: 'the container or database is missing',
            };
          return response.resource && { item: response.resource, etag: response.etag };
        }),
      dispose: () => client.dispose(),
    };
  } catch (error) {
    client.dispose();
    throw error;
  }
}

async function lookAt(client: CosmosClient, container: Container, abortSignal: AbortSignal) {
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
  // Unless it is asked for by name, the client keeps no session token, and reads lag behind its own writes.
  const reading: RequestOptions =
    account?.consistencyPolicy === 'Session' ? { consistencyLevel: 'Session' } : {};
  return { keyField: field as HistoryContainer['keyField'], reading };
}

/** A write under a condition. @throws Failure, after which its outcome is unknown */
export async function write(
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

/** Any call under our deadline. @throws Failure */
export async function call<T>(what: string, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
  try {
    return await withDeadline(CALL_DEADLINE_MS, `${what} of Cosmos DB`, send);
  } catch (error) {
    throw error instanceof Failure ? error : storeFailure(what, error);
  }
}
