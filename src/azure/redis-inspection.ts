import type { TokenCredential } from '@azure/identity';
import { createClient } from '@redis/client';
import type { Config } from '../config.ts';
import { clientOptions, isCluster, openRedis } from './redis.ts';

const silent = (): void => undefined;
const nobody = { debug: silent, info: silent, warn: silent, error: silent };
/** A key that no session has: its id would begin so. */
const KEY = 'session:~doctor';

/**
 * Connects as the worker does, but tries once only, so that the first error is told, and asks with the worker's own commands.
 * Reads nothing but a key that is not there.
 * @throws the client's error
 */
export async function inspectRedis(
  config: Config,
  credential: TokenCredential,
  abortSignal: AbortSignal,
): Promise<{ isCluster: boolean }> {
  const options = await clientOptions(config, credential, nobody);
  const client = createClient({
    ...options,
    socket: { ...options.socket, reconnectStrategy: false as const },
  });
  // It surfaces through the calls as well.
  client.on('error', silent);
  abortSignal.addEventListener('abort', () => client.isOpen && client.destroy());
  try {
    await client.connect();
    const isClustered = await isCluster(client);
    if (isClustered) {
      const cache = await openRedis(config, credential, nobody);
      await cache.read(KEY, async () => undefined).finally(() => cache.close());
    } else {
      await client.getRange(KEY, 0, 1);
      await client.strLen(KEY);
      await client.get(KEY);
    }
    return { isCluster: isClustered };
  } finally {
    if (client.isOpen) client.destroy();
  }
}
