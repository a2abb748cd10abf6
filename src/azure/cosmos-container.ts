import { type Container, CosmosClient } from '@azure/cosmos';
import type { TokenCredential } from '@azure/identity';
import type { Config } from '../config.ts';
import { Failure } from '../pipeline/failures.ts';
import type { Ids } from '../pipeline/ports.ts';
import { storeFailure } from './cosmos-failures.ts';
import { withDeadline } from './deadline.ts';

/** Of a point read or write, milliseconds as a rule: what was asked just before an outage ended must not hold its event up for long. */
const CALL_DEADLINE_MS = 5_000;
/** Of the container's own description, which the start waits for. */
const OPEN_DEADLINE_MS = 10_000;

export type OpenContainer = {
  container: Container;
  /** What the container is keyed by. */
  keyField: KeyField;
  /** The partition key value of an item of this conversation. */
  partitionOf(ids: Ids, itemId: string): string;
  close(): void;
};

type KeyField = 'userId' | 'sessionId' | 'id';

/** Throttling is ours to wait for: the lane steps back and other conversations go on. */
const noRetries = { maxRetryAttemptCount: 0, fixedRetryIntervalInMilliseconds: 0, maxWaitTimeInSeconds: 0 };

/** `isPatient`: the client itself waits where the account throttles. Nothing is connected until it is used. */
export function makeCosmosClient(
  { cosmos: { endpoint, access } }: Config,
  credential: TokenCredential,
  { isPatient }: { isPatient: boolean },
): CosmosClient {
  return new CosmosClient({
    endpoint,
    ...(access.kind === 'key' ? { key: access.key } : { aadCredentials: credential }),
    connectionPolicy: {
      requestTimeout: CALL_DEADLINE_MS,
      ...(isPatient ? {} : { retryOptions: noRetries }),
    },
    userAgentSuffix: 'history-worker',
  });
}

/**
 * Opens the container and reads what it is keyed by. `isPatient`: the client itself waits where the account throttles.
 * @throws Failure StoreMisconfigured for a missing container, an account with several write regions, or a partition
 * key that is neither /userId nor /sessionId (nor /id)
 */
export async function openContainer(
  config: Config,
  credential: TokenCredential,
  { isPatient }: { isPatient: boolean },
): Promise<OpenContainer> {
  const { database, container: name } = config.cosmos;
  const client = makeCosmosClient(config, credential, { isPatient });
  const container = client.database(database).container(name);
  const open = async (abortSignal: AbortSignal): Promise<KeyField> => {
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
  };
  try {
    const keyField = await call('the container', open, OPEN_DEADLINE_MS);
    return {
      container,
      keyField,
      partitionOf: (ids, itemId) =>
        keyField === 'userId' ? ids.userId : keyField === 'sessionId' ? ids.sessionId : itemId,
      close: () => client.dispose(),
    };
  } catch (error) {
    client.dispose();
    throw error;
  }
}

/** A call to Cosmos DB under a deadline of ours. @throws Failure */
export async function call<T>(
  what: string,
  send: (signal: AbortSignal) => Promise<T>,
  deadlineMs = CALL_DEADLINE_MS,
): Promise<T> {
  try {
    return await withDeadline(deadlineMs, `${what} of Cosmos DB`, send);
  } catch (error) {
    throw error instanceof Failure ? error : storeFailure(what, error);
  }
}
