import type { TokenCredential } from '@azure/identity';
import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import Long from 'long';
import type { Config } from '../config.ts';
import type { EventSource, Log } from '../pipeline/ports.ts';
import { unwatched } from '../pipeline/watch.ts';
import { withDeadline } from './deadline.ts';
import { type Entity, IDLE_WAIT_MS, openReceiver, subscriptionOf } from './service-bus-client.ts';
import { receiveOverLinks } from './service-bus-links.ts';

const PEEK_DEADLINE_MS = 15_000;
/** The service answers with fewer where they are large, and with one at a time where the topic is partitioned. */
const PEEKED = 200;
/** The client's window is 2,048 deliveries a link, counted from the oldest that is not settled: well below it. */
const MESSAGES_PER_LINK = 1_000;
/** Longer than any run waits for a message: the links of one that ends by itself need no watching. */
const SILENCE_MS = 30_000;

/** A dead letter as it lies there. The subscription may have sessions; its dead letters have none. */
export type DeadLetter = {
  /** The broker's own number, by which it is found again: up to 64 bits. */
  sequenceNumber: string;
  messageId: string | undefined;
  reason: string;
  description: string;
  /** When the event was sent to the topic; the broker does not say when it was set aside. */
  enqueuedAtMs: number | undefined;
  deliveryCount: number;
  message: ServiceBusReceivedMessage;
};

export type DeadLetters = {
  /** All of them, oldest number first, page by page; nothing is received or locked. @throws the client's error */
  peek(): AsyncGenerator<DeadLetter[], void>;
  close(): Promise<void>;
};

const deadLettersOf = (config: Config, credential: TokenCredential): Entity => ({
  ...subscriptionOf(config, credential),
  subQueueType: 'deadLetter',
  messagesPerLink: MESSAGES_PER_LINK,
});

/** Opens the dead letters of the worker's subscription for reading. Nothing is connected until the first peek. */
export function openDeadLetters(config: Config, credential: TokenCredential): DeadLetters {
  const entity = deadLettersOf(config, credential);
  const client = entity.connect(PEEK_DEADLINE_MS);
  const receiver = openReceiver(client, entity);
  return {
    async *peek() {
      const seen = new Set<string>();
      for (let from = Long.ONE; ; ) {
        const page = await withDeadline(PEEK_DEADLINE_MS, `a peek at ${receiver.entityPath}`, (abortSignal) =>
          client.call(() => receiver.peekMessages(PEEKED, { fromSequenceNumber: from, abortSignal })),
        );
        // Should a page bring nothing new, no further one would.
        const found = page.map(asDeadLetter).filter(({ sequenceNumber }) => !seen.has(sequenceNumber));
        if (found.length === 0) return;
        for (const { sequenceNumber } of found) seen.add(sequenceNumber);
        yield found;
        from = page.at(-1)!.sequenceNumber!.add(1);
      }
    },
    close: () => client.close(),
  };
}

/**
 * Receives the dead letters under lock, as the worker its events: one a call, a few calls at once.
 * @throws the client's error when they cannot be read
 */
export async function openDeadLetterSource(
  config: Config,
  credential: TokenCredential,
  log: Log,
): Promise<EventSource> {
  const { maxLockedEvents } = config;
  const links = receiveOverLinks(deadLettersOf(config, credential), {
    maxLockedEvents,
    idleWaitMs: IDLE_WAIT_MS,
    silenceMs: SILENCE_MS,
    log,
    watch: unwatched,
  });
  try {
    await links.peek(PEEK_DEADLINE_MS);
    return links;
  } catch (error) {
    await links.close();
    throw error;
  }
}

function asDeadLetter(message: ServiceBusReceivedMessage): DeadLetter {
  const { sequenceNumber, messageId, deadLetterReason, deadLetterErrorDescription } = message;
  return {
    sequenceNumber: String(sequenceNumber),
    messageId: messageId === undefined ? undefined : String(messageId),
    // Whoever sets a message aside may leave out why.
    reason: deadLetterReason || '(none)',
    description: deadLetterErrorDescription ?? '',
    enqueuedAtMs: message.enqueuedTimeUtc?.getTime(),
    deliveryCount: message.deliveryCount ?? 0,
    message,
  };
}
