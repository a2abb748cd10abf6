import type { TokenCredential } from '@azure/identity';
import { ServiceBusClient, type ServiceBusReceiver } from '@azure/service-bus';
import Long from 'long';
import type { Config } from '../config.ts';
import { sparingly } from './credential.ts';
import { withDeadline } from './deadline.ts';
import { makeSockets } from './service-bus-sockets.ts';

/** The subscription that the worker receives from, and how to get a client for it. */
export type Entity = {
  topic: string;
  subscription: string;
  /** Of its dead letters, instead of the subscription itself. */
  subQueueType?: 'deadLetter';
  /** After so many messages a link is not received from any more: where messages stay unsettled it would stall. */
  messagesPerLink?: number;
  /** A client with a connection of its own. Nothing is connected until it is used. */
  connect(timeoutInMs?: number): Client;
};

export type Client = {
  /** Every call of the client, or of what it made, goes through here, so that closing reaches all that was opened. */
  call<T>(call: (client: ServiceBusClient) => T): T;
  /** In good order if the broker answers in time; if not, the socket is cut. Never rejects. */
  close(): Promise<void>;
};

/** How long an idle link asks before it drains its credit and asks again: it bounds how long a shutdown waits. */
export const IDLE_WAIT_MS = 1_000;
/** Trying again is ours; the client's own default waits 30 s behind one failed attach. */
const retryOptions = { maxRetries: 1, retryDelayInMs: 250, maxRetryDelayInMs: 1_000 };
const TIMEOUT_MS = 10_000;
/** On a connection that hangs the client's own closing takes a minute, and the socket stays open meanwhile. */
const CLOSE_MS = 1_000;

/** The worker's own subscription. Nothing is connected until its client is used. */
export function subscriptionOf(config: Config, credential: TokenCredential): Entity {
  const { namespace, connectionString, topic, subscription } = config.serviceBus;
  return {
    topic,
    subscription,
    connect(timeoutInMs = TIMEOUT_MS) {
      const options = { retryOptions: { ...retryOptions, timeoutInMs } };
      return makeClient(
        connectionString === undefined
          ? new ServiceBusClient(namespace!, sparingly(credential), options)
          : new ServiceBusClient(connectionString, options),
      );
    },
  };
}

function makeClient(client: ServiceBusClient): Client {
  const sockets = makeSockets();
  let closing: Promise<void> | undefined;
  return {
    call: (call) => sockets.run(() => call(client)),
    close() {
      // What fails here is of no interest: nothing depends on this client any more, and cutting ends it surely.
      closing ??= withDeadline(CLOSE_MS, 'closing', () => sockets.run(() => client.close()))
        .catch(() => undefined)
        .finally(sockets.cut);
      return closing;
    },
  };
}

/** The client's own lock renewal is off: it is keyed by message id, and ends with the link. */
export function openReceiver({ call }: Client, entity: Entity): ServiceBusReceiver {
  const { topic, subscription, subQueueType } = entity;
  return call((client) =>
    client.createReceiver(topic, subscription, {
      receiveMode: 'peekLock',
      maxAutoLockRenewalDurationInMs: 0,
      ...(subQueueType === undefined ? {} : { subQueueType }),
    }),
  );
}

/** What a subscription can be asked beside its messages. */
export type Aged = {
  /** When the oldest message was enqueued, whoever holds it; undefined: there is none. @throws the client's error */
  oldestEnqueuedAtMs(): Promise<number | undefined>;
};

/** So many messages at the front may be held by this process itself before the watch is blind. */
const PEEKED = 64;

/**
 * The oldest message that the subscription has and this process does not hold, locked or not. From the beginning each time:
 * a receiver otherwise peeks on from where it was.
 */
export async function peekOldest(
  receiver: ServiceBusReceiver,
  deadlineMs: number,
  holds: (sequenceNumber: unknown) => boolean = () => false,
) {
  const messages = await peek(receiver, PEEKED, deadlineMs);
  return messages.find(({ sequenceNumber }) => !holds(sequenceNumber));
}

/** A few of those at the front may have been put off by somebody, and are nobody's to work on. */
const PEEKED_FOR_AGE = 8;
const AGE_DEADLINE_MS = 3_000;

/** As Aged has it. */
export async function oldestEnqueuedAt(receiver: ServiceBusReceiver): Promise<number | undefined> {
  const messages = await peek(receiver, PEEKED_FOR_AGE, AGE_DEADLINE_MS);
  return messages.find(({ state }) => state === 'active')?.enqueuedTimeUtc?.getTime();
}

const peek = (receiver: ServiceBusReceiver, count: number, deadlineMs: number) =>
  withDeadline(deadlineMs, `the subscription ${receiver.entityPath}`, (abortSignal) =>
    receiver.peekMessages(count, { fromSequenceNumber: Long.ZERO, abortSignal }),
  );
