import { type Container, CosmosClient } from '@azure/cosmos';
import type { Item } from './history.ts';
import type { Environment } from './processes.ts';

const CALL_MS = 3000;

/** History as the official client shows it. */
export function openStored(environment: Environment) {
  const client = new CosmosClient({
    endpoint: environment.COSMOS_ENDPOINT!,
    key: environment.COSMOS_KEY!,
    connectionPolicy: {
      requestTimeout: CALL_MS,
      enableEndpointDiscovery: false,
      enableBackgroundEndpointRefreshing: false,
      retryOptions: { maxRetryAttemptCount: 0, fixedRetryIntervalInMilliseconds: 0, maxWaitTimeInSeconds: 0 },
    },
  });
  const container: Container = client
    .database(environment.COSMOS_DATABASE_NAME!)
    .container(environment.COSMOS_CONTAINER_NAME!);
  return {
    /** @throws where the service cannot be had */
    async read(userId: string, id: string): Promise<Item | undefined> {
      const response = await container.item(id, userId).read<Item>();
      // The client does not throw for a 404; with a substatus it is the container that is missing.
      if (response.statusCode === 404 && Number(response.substatus ?? 0) !== 0)
        throw new Error(`a read was answered 404/${response.substatus}`);
      return response.resource;
    },
    /** False when somebody else has written meanwhile. @throws where the outcome is unknown, or nothing was written */
    async replace(userId: string, item: Item): Promise<boolean> {
      try {
        await container
          .item(item.id, userId)
          .replace(item, { accessCondition: { type: 'IfMatch', condition: item._etag as string } });
        return true;
      } catch (error) {
        if ((error as { code?: unknown }).code === 412) return false;
        throw error;
      }
    },
    async all(): Promise<Item[]> {
      return (await container.items.readAll<Item>().fetchAll()).resources;
    },
    close: (): void => client.dispose(),
  };
}
