import { ServiceBusClient } from '@azure/service-bus';
import { createClient } from '@redis/client';
import type { Chat } from './chats.ts';

const DAY_SECONDS = 86_400;

/** Plays the chat front end: it writes the conversation to Redis, and then announces the turn. */
export async function openFrontEnd(environment: Record<string, string>) {
  const redis = createClient({
    socket: { host: environment.REDIS_HOST!, port: Number(environment.REDIS_PORT) },
    password: environment.REDIS_PASSWORD!,
  });
  redis.on('error', (error: Error) => console.error(`front end: Redis: ${error.message}`));
  await redis.connect();
  const serviceBus = new ServiceBusClient(environment.SERVICEBUS_CONNECTION_STRING!);
  const sender = serviceBus.createSender(environment.SERVICEBUS_MESSAGE_COMPLETED_TOPIC!);
  return {
    async finishTurn(chat: Chat, chatMessageId: string): Promise<void> {
      await redis.set(`session:${chat.sessionId}`, JSON.stringify(chat), {
        expiration: { type: 'EX', value: DAY_SECONDS },
      });
      const { sessionId, userId, lastActivity: completedAt } = chat;
      await sender.sendMessages({
        messageId: chatMessageId,
        sessionId,
        contentType: 'application/json',
        body: { sessionId, userId, chatMessageId, completedAt, eventType: 'message_completed' },
      });
    },
    async close(): Promise<void> {
      await serviceBus.close();
      redis.destroy();
    },
  };
}
