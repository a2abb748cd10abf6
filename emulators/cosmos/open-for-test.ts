import { type ConnectionPolicy, CosmosClient } from '@azure/cosmos';
import { onTestFinished } from 'vitest';
import { type CosmosOptions, startCosmos } from './index.ts';

/** A stand-in with database `db` and container `history`, and the official client on it; both end with the test. */
export async function openForTest(options: CosmosOptions = {}, connectionPolicy: ConnectionPolicy = {}) {
  const cosmos = await startCosmos({ database: 'db', container: 'history', ...options });
  const client = new CosmosClient({ endpoint: cosmos.endpoint, key: cosmos.key, connectionPolicy });
  onTestFinished(async () => {
    client.dispose();
    await cosmos.close();
  });
  return { cosmos, client, container: client.database('db').container('history') };
}

/** The error that a promise must end with. */
export async function errorOf(promise: Promise<unknown>): Promise<Record<string, unknown>> {
  return promise.then(
    () => {
      throw new Error('there was no error');
    },
    (error) => error,
  );
}
