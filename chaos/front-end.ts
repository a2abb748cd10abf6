import { ServiceBusClient, type ServiceBusMessage, type ServiceBusSender } from '@azure/service-bus';
import { createClient } from '@redis/client';
import type { DeadLetter } from './check.ts';
import { type History, readHistory } from './history.ts';
import type { Talk } from './ledger.ts';
import { SUBSCRIPTION, TOPIC } from './names.ts';
import type { Environment } from './processes.ts';
import { openStored } from './stored.ts';
import { untilDone, within } from './until-done.ts';

const DAY_SECONDS = 86_400;
const SEND_MS = 3000;
const RENAME_ATTEMPTS = 200;
const ABSENT_MS = 50;
const PATIENCE_MS = 2000;

export type FrontEnd = Awaited<ReturnType<typeof openFrontEnd>>;

/**
 * A chat front end on the official clients. What it writes and sends it writes and sends again until it is surely
 * done; only when `ended` says so it gives up.
 */
export async function openFrontEnd(environment: Environment, ended: () => boolean) {
  const redis = createClient({
    socket: {
      host: environment.REDIS_HOST!,
      port: Number(environment.REDIS_PORT),
      reconnectStrategy: () => 100,
      // Longer than any planned freeze: what was sent before must not be carried out after it was sent again.
      socketTimeout: 15_000,
    },
    password: environment.REDIS_PASSWORD!,
  });
  redis.on('error', () => undefined); // its calls reject, and are made again
  await redis.connect();
  const stored = openStored(environment);
  let bus = openBus(environment);
  const waiting = new Map<string, number>();
  async function done<T>(what: string, action: () => Promise<T>): Promise<T> {
    const count = (by: number): void => void waiting.set(what, (waiting.get(what) ?? 0) + by);
    count(1);
    try {
      return await untilDone(ended, action);
    } finally {
      count(-1);
    }
  }

  /** @throws where the outcome is unknown: sent again it is an event sent twice, which costs nothing */
  async function trySend(message: ServiceBusMessage): Promise<void> {
    const used = bus;
    try {
      await within(SEND_MS + 500, used.sender.sendMessages(message));
    } catch (error) {
      // A client whose connection was cut may hang for a minute in its own clean-up: the next send gets a new one.
      if (bus === used) {
        bus = openBus(environment);
        used.client.close().catch(() => undefined);
      }
      throw error;
    }
  }

  return {
    show: async (key: string, value: string): Promise<void> =>
      void (await done('writes to Redis', () =>
        redis.set(key, value, { expiration: { type: 'EX', value: DAY_SECONDS } }),
      )),
    push: async (key: string, value: string): Promise<void> =>
      void (await done('writes to Redis', () => redis.rPush(key, value))),
    hide: async (key: string): Promise<void> => void (await done('deletions in Redis', () => redis.del(key))),
    send: (message: ServiceBusMessage): Promise<void> => done('sends', () => trySend(message)),
    history: ({ userId, sessionId }: Talk): Promise<History | undefined> =>
      done('reads of history', () => readHistory((id) => stored.read(userId, id), sessionId)),

    /**
     * Renames a conversation as an editor of history must, under If-Match, and notes it when it is surely stored. Notes
     * too when the renaming before it was undone. Waits a while for a conversation that is not there yet.
     */
    async rename(talk: Talk, title: string): Promise<boolean> {
      for (let attempt = 0; attempt < RENAME_ATTEMPTS; attempt += 1) {
        const item = await done('reads of history', () => stored.read(talk.userId, talk.sessionId));
        if (!item) {
          if (attempt * ABSENT_MS >= PATIENCE_MS) return false;
          await new Promise((resolve) => setTimeout(resolve, ABSENT_MS));
          continue;
        }
        // After an unknown outcome it may be ours already.
        if (item.title === title) {
          talk.rename = title;
          return true;
        }
        if (talk.rename !== undefined && item.title !== talk.rename) {
          talk.undone += 1;
          talk.rename = undefined;
        }
        const isStored = await stored.replace(talk.userId, { ...item, title }).catch(() => false);
        if (isStored) {
          talk.rename = title;
          return true;
        }
      }
      // Whatever is there now, it is not surely ours: nothing is expected of it.
      talk.rename = undefined;
      return false;
    },

    everything: () => done('reads of history', () => stored.all()),
    deadLetters: () => done('reads of dead letters', () => peekDeadLetters(environment)),
    /** What is not done yet, in words. */
    underWay: (): string =>
      [...waiting].flatMap(([what, count]) => (count > 0 ? [`${count} ${what}`] : [])).join(', ') ||
      'nothing',
    close(): void {
      redis.destroy();
      stored.close();
      bus.client.close().catch(() => undefined);
    },
  };
}

function openBus(environment: Environment): { client: ServiceBusClient; sender: ServiceBusSender } {
  const client = new ServiceBusClient(environment.SERVICEBUS_CONNECTION_STRING!, {
    retryOptions: { maxRetries: 0, timeoutInMs: SEND_MS },
  });
  return { client, sender: client.createSender(TOPIC) };
}

async function peekDeadLetters(environment: Environment): Promise<DeadLetter[]> {
  const client = new ServiceBusClient(environment.SERVICEBUS_CONNECTION_STRING!);
  const receiver = client.createReceiver(TOPIC, SUBSCRIPTION, { subQueueType: 'deadLetter' });
  const found: DeadLetter[] = [];
  for (let from: Long | undefined; ; ) {
    const messages = await receiver.peekMessages(200, from ? { fromSequenceNumber: from } : {});
    for (const { messageId, deadLetterReason } of messages)
      found.push({ messageId: String(messageId), reason: String(deadLetterReason) });
    const last = messages.at(-1)?.sequenceNumber;
    if (!last) break;
    from = last.add(1);
  }
  await client.close();
  return found;
}

type Long = NonNullable<
  Awaited<
    ReturnType<ReturnType<ServiceBusClient['createReceiver']>['peekMessages']>
  >[number]['sequenceNumber']
>;
