import { setTimeout as sleep } from 'node:timers/promises';
import { CosmosClient } from '@azure/cosmos';

/** The emulator takes its time to start. */
const DEADLINE_MS = 180_000;

/** Creates the database and the container that the environment names, as deploy/terraform does; what is there stays. */
const { COSMOS_ENDPOINT, COSMOS_KEY, COSMOS_DATABASE_NAME, COSMOS_CONTAINER_NAME } = process.env;
const client = new CosmosClient({ endpoint: COSMOS_ENDPOINT!, key: COSMOS_KEY! });
const deadlineMs = performance.now() + DEADLINE_MS;

for (;;)
  try {
    const { database } = await client.databases.createIfNotExists({ id: COSMOS_DATABASE_NAME! });
    await database.containers.createIfNotExists({
      id: COSMOS_CONTAINER_NAME!,
      partitionKey: { paths: ['/userId'] },
    });
    console.log(`${COSMOS_DATABASE_NAME}/${COSMOS_CONTAINER_NAME} is there`);
    process.exit(0);
  } catch (error) {
    const { code, message } = error as Error & { code?: unknown };
    console.log(`Cosmos DB does not answer yet: ${code ?? message}`);
    if (performance.now() > deadlineMs) process.exit(1);
    await sleep(1_000);
  }
