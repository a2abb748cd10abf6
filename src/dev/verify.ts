import { isDeepStrictEqual } from 'node:util';
import { CosmosClient } from '@azure/cosmos';
import type { Chat } from './chats.ts';

export type Verified = {
  /** Conversations stored whole: every message, in order, unaltered. */
  persisted: number;
  /** Messages missing or altered. */
  lost: number;
  titled: number;
  faults: string[];
};

/**
 * Compares what history holds with what was put in, message by message, through the official client and without any
 * of the worker's code.
 */
export async function verify(chats: readonly Chat[], environment: Record<string, string>): Promise<Verified> {
  const client = new CosmosClient({ endpoint: environment.COSMOS_ENDPOINT!, key: environment.COSMOS_KEY! });
  const container = client
    .database(environment.COSMOS_DATABASE_NAME!)
    .container(environment.COSMOS_CONTAINER_NAME!);
  const { resource } = await container.read();
  const keyField = resource!.partitionKey!.paths[0]!.slice(1) as 'userId' | 'sessionId';
  const result: Verified = { persisted: 0, lost: 0, titled: 0, faults: [] };
  for (const chat of chats) {
    const { resource: item } = await container.item(chat.sessionId, chat[keyField]).read();
    const stored: unknown[] = item?.messages ?? [];
    const lost = chat.messages.filter(
      (message) => !stored.some((other) => isDeepStrictEqual(other, message)),
    ).length;
    const whole =
      item !== undefined &&
      isDeepStrictEqual(stored, chat.messages) &&
      item.userId === chat.userId &&
      item.lastActivity === chat.lastActivity &&
      item.createdAt === chat.createdAt;
    result.lost += lost;
    if (whole) result.persisted += 1;
    else
      result.faults.push(
        `${chat.sessionId}: ${item ? `${lost} of ${chat.messages.length} messages missing or altered` : 'not stored'}`,
      );
    if (typeof item?.title === 'string' && item.title !== 'New Conversation') result.titled += 1;
  }
  client.dispose();
  return result;
}
