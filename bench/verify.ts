import { CosmosClient } from '@azure/cosmos';
import { sessionOf, snapshotOf, userOf } from './load.ts';
import type { Environment } from './stand-ins.ts';

/**
 * Reads conversations back, whole, and holds them against what was put in.
 * @throws Error for the first message that is missing or not as it was: figures of a run that loses something do not count
 */
export async function verify(
  environment: Environment,
  indexes: readonly number[],
  turns: number,
  answerBytes: number,
): Promise<void> {
  const client = new CosmosClient({ endpoint: environment.COSMOS_ENDPOINT!, key: environment.COSMOS_KEY! });
  const container = client
    .database(environment.COSMOS_DATABASE_NAME!)
    .container(environment.COSMOS_CONTAINER_NAME!);
  for (const index of indexes) {
    const read = async (id: string) => (await container.item(id, userOf(index)).read()).resource;
    const head = await read(sessionOf(index));
    const segments: { id: string }[] = head?.segments ?? [];
    const pages = await Promise.all(segments.map(({ id }) => read(id)));
    const messages = [...pages, head].flatMap((page) => page?.messages ?? []);
    const expected = snapshotOf(index, turns, answerBytes).messages;
    if (JSON.stringify(messages) !== JSON.stringify(expected))
      throw new Error(
        `${sessionOf(index)} is not stored as it was put in: ${messages.length} of ${expected.length} messages`,
      );
  }
  client.dispose();
}
