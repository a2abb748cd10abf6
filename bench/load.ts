import { ServiceBusClient } from '@azure/service-bus';
import { createClient } from '@redis/client';
import type { Environment } from './stand-ins.ts';

/** What is put in: conversations of so many turns, and an event a turn. */
export type Load = {
  conversations: number;
  turns: number;
  /** Of an answer. A question has a tenth of it. */
  answerBytes: number;
};

const BATCH = 500;
const startMs = Date.UTC(2026, 0, 1);
const timeOf = (turn: number): string => new Date(startMs + turn * 60_000).toISOString();
const subjects = ['baking bread', 'a trip to Kyoto', 'sorting a list', 'my garden in May', 'the tax form'];

export const sessionOf = (index: number): string => `session-${index}`;
export const userOf = (index: number): string => `user-${index % 500}`;
const turnOf = (index: number, turn: number): string => `msg-${index}-${turn}`;

/** The conversation after so many turns, as a chat front end would have put it into Redis. */
export function snapshotOf(index: number, turns: number, answerBytes: number) {
  const subject = subjects[index % subjects.length]!;
  const messages = Array.from({ length: turns }, (_, turn) => [
    {
      messageId: `${turnOf(index, turn)}_user`,
      role: 'user',
      content: `Question ${turn} of chat ${index}: ${subject}? ${'q'.repeat(answerBytes / 10)}`,
      timestamp: timeOf(turn),
    },
    {
      messageId: `${turnOf(index, turn)}_assistant`,
      role: 'assistant',
      content: `Answer ${turn}: ${'a'.repeat(answerBytes)}`,
      timestamp: timeOf(turn),
    },
  ]).flat();
  const ids = { sessionId: sessionOf(index), userId: userOf(index) };
  return { ...ids, title: null, createdAt: timeOf(0), lastActivity: timeOf(turns), messages };
}

/** The chat front end: writes to Redis first, then sends. By the official clients alone. */
export async function openFront(environment: Environment) {
  const redis = createClient({
    socket: { host: environment.REDIS_HOST!, port: Number(environment.REDIS_PORT) },
    password: environment.REDIS_PASSWORD!,
  });
  redis.on('error', () => undefined);
  await redis.connect();
  const serviceBus = new ServiceBusClient(environment.SERVICEBUS_CONNECTION_STRING!);
  const sender = serviceBus.createSender(environment.SERVICEBUS_MESSAGE_COMPLETED_TOPIC!);
  const messageOf = (index: number, turn: number) => ({
    messageId: `${turnOf(index, turn)}`,
    body: {
      sessionId: sessionOf(index),
      userId: userOf(index),
      chatMessageId: turnOf(index, turn),
      completedAt: timeOf(turn + 1),
      eventType: 'message_completed',
    },
  });

  /** Writes the conversation as it is after so many turns; a title that somebody has put there stays. */
  async function show(index: number, turns: number, answerBytes: number): Promise<void> {
    const key = `session:${sessionOf(index)}`;
    const before = turns > 1 ? await redis.get(key) : null;
    const title = before === null ? null : JSON.parse(before).title;
    const value = JSON.stringify({ ...snapshotOf(index, turns, answerBytes), title });
    await redis.set(key, value, { expiration: { type: 'EX', value: 86_400 } });
  }

  return {
    show,
    send: (index: number, turn: number): Promise<void> => sender.sendMessages(messageOf(index, turn)),
    /** All conversations as they are at their end, then an event for each turn: every first one, every second one, … */
    async publish({ conversations, turns, answerBytes }: Load): Promise<void> {
      for (let index = 0; index < conversations; index += 1) await show(index, turns, answerBytes);
      let batch: ReturnType<typeof messageOf>[] = [];
      for (let turn = 0; turn < turns; turn += 1)
        for (let index = 0; index < conversations; index += 1) {
          batch.push(messageOf(index, turn));
          if (batch.length < BATCH) continue;
          await sender.sendMessages(batch);
          batch = [];
        }
      if (batch.length > 0) await sender.sendMessages(batch);
    },
    async close(): Promise<void> {
      await serviceBus.close();
      redis.destroy();
    },
  };
}
