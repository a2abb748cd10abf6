import { randomUUID } from 'node:crypto';
import { ServiceBusClient } from '@azure/service-bus';
import { createClient } from '@redis/client';
import { onTestFinished } from 'vitest';
import { type StackOptions, SUBSCRIPTION, startStack, TOPIC } from '../emulators/stack.ts';
import { openServiceBus } from '../src/azure/service-bus.ts';
import { readConfig } from '../src/config.ts';
import type { Settled } from '../src/pipeline/hand.ts';
import type { Log } from '../src/pipeline/ports.ts';
import { openReader } from '../src/reader.ts';
import { startWorker, type Worker } from '../src/worker.ts';

/** Shorter than as shipped: each test ends by a shutdown, which waits as long. */
const IDLE_WAIT_MS = 200;

export type Event = {
  sessionId: string;
  userId: string;
  chatMessageId: string;
  completedAt: string;
  eventType: string;
};
export type Snapshot = { sessionId: string; userId: string; [field: string]: unknown };

/**
 * The stand-ins, and what a test does to them through the official clients. Everything is closed when the test ends.
 * `ours`: the Redis stand-in of this repository, which every machine has.
 */
export async function setTheScene(options: StackOptions = {}) {
  const stack = await startStack({ redisServer: 'ours', ...options });
  const serviceBus = new ServiceBusClient(stack.keys.SERVICEBUS_CONNECTION_STRING!);
  const sender = serviceBus.createSender(TOPIC);
  const redis = createClient({
    socket: { host: stack.redis.host, port: stack.redis.port },
    password: stack.keys.REDIS_PASSWORD!,
  });
  redis.on('error', () => undefined); // its calls reject, and the tests see that
  await redis.connect();
  const workers: Worker[] = [];
  onTestFinished(async () => {
    await Promise.all(workers.map((worker) => worker.stop(5_000)));
    await serviceBus.close();
    redis.destroy();
    await stack.close();
  });

  const path = `${TOPIC}/Subscriptions/${SUBSCRIPTION}`;
  const deadLetters = async () =>
    stack.serviceBus
      .entity(path)
      .deadLetters()
      .map(({ deadLetterReason: reason, deadLetterErrorDescription: description, messageId, body }) => ({
        reason,
        description,
        messageId,
        body,
      }));
  return {
    stack,
    redis,
    serviceBus,
    sender,
    path,
    deadLetters,
    counters: () => stack.serviceBus.counters(),
    item: (userId: string, sessionId: string) => stack.cosmos.read(userId, sessionId),
    async show(snapshot: Snapshot): Promise<void> {
      await redis.set(`session:${snapshot.sessionId}`, JSON.stringify(snapshot));
    },
    async announce(event: unknown, messageId: string = randomUUID()): Promise<void> {
      const sessionId = (event as Event).sessionId;
      await sender.sendMessages({
        body: event,
        messageId,
        ...(typeof sessionId === 'string' ? { sessionId } : {}),
      });
    },
    async work(environment: Record<string, string> = {}, onSettled?: (settled: Settled) => void) {
      const lines: { level: string; message: string; [field: string]: unknown }[] = [];
      const at = (level: string) => (fields: Record<string, unknown>, message: string) =>
        void lines.push({ ...fields, level, message });
      const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
      const fatal: unknown[] = [];
      const config = readConfig({ ...stack.environment, ...environment });
      const worker = await startWorker(config, log, {
        onFatal: (error) => fatal.push(error),
        onSettled,
        openSource: (of, credential, sourceLog, how) =>
          openServiceBus(of, credential, sourceLog, { ...how, idleWaitMs: IDLE_WAIT_MS }),
      });
      workers.push(worker);
      return { worker, lines, fatal };
    },
  };
}

let turns = 0;
/** A conversation of so many turns in the demo's shapes, as Redis holds it, and the event of its last turn. */
export function conversation(turnCount = 1, fields: Partial<Snapshot> = {}) {
  turns += 1;
  const sessionId = `sess_${turns}_${randomUUID().slice(0, 8)}`;
  const userId = 'user_001';
  const messages = Array.from({ length: turnCount }, (_, index) =>
    turn(`msg_${turns}_${index}`, index),
  ).flat();
  const lastActivity = timeOf(turnCount - 1);
  const snapshot: Snapshot & { messages: ReturnType<typeof turn> } = {
    sessionId,
    userId,
    title: null,
    createdAt: timeOf(0),
    lastActivity,
    messages,
    ...fields,
  };
  const chatMessageId = `msg_${turns}_${turnCount - 1}`;
  return { snapshot, event: eventOf(snapshot, chatMessageId), sessionId, userId, chatMessageId };
}

/** The reader of what the stand-in holds, until the test ends. */
export function openReaderOf({ stack }: Pick<Awaited<ReturnType<typeof setTheScene>>, 'stack'>) {
  const reader = openReader({
    endpoint: stack.keys.COSMOS_ENDPOINT!,
    access: { key: stack.keys.COSMOS_KEY! },
    database: stack.keys.COSMOS_DATABASE_NAME!,
    container: stack.keys.COSMOS_CONTAINER_NAME!,
  });
  onTestFinished(() => reader.close());
  return reader;
}

export const timeOf = (index: number): string =>
  `2026-03-01T10:${String(index % 60).padStart(2, '0')}:00.123456+00:00`;

export function turn(
  chatMessageId: string,
  index: number,
  words = `Explain topic number ${index} of ${chatMessageId}`,
) {
  const timestamp = timeOf(index);
  return [
    { messageId: `${chatMessageId}_user`, role: 'user', content: words, timestamp },
    {
      messageId: `${chatMessageId}_assistant`,
      role: 'assistant',
      content: `About ${chatMessageId}: it depends.`,
      timestamp,
    },
  ];
}

/** The event of a turn, completed two hours after the conversation: only its ids say that a snapshot holds it. */
export function eventOf(of: { sessionId: string; userId: string }, chatMessageId: string): Event {
  return {
    sessionId: of.sessionId,
    userId: of.userId,
    chatMessageId,
    completedAt: '2026-03-01T12:00:00.654321+00:00',
    eventType: 'message_completed',
  };
}
