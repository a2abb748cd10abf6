import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { TokenCredential } from '@azure/identity';
import { ServiceBusClient, type ServiceBusReceiver } from '@azure/service-bus';
import Long from 'long';
import type { Config } from '../config.ts';
import { withDeadline } from './deadline.ts';

/** The subscription that the worker receives from, and how to get a client for it. */
export type Entity = {
  topic: string;
  subscription: string;
  /** A client with a connection of its own. Nothing is connected until it is used. */
  connect(timeoutInMs?: number): ServiceBusClient;
};

/** How long an idle link asks before it drains its credit and asks again: it bounds how long a shutdown waits. */
export const IDLE_WAIT_MS = 1_000;
/** Trying again is ours; the client's own default waits 30 s behind one failed attach. */
const retryOptions = { maxRetries: 1, retryDelayInMs: 250, maxRetryDelayInMs: 1_000 };
const TIMEOUT_MS = 10_000;

export function subscriptionOf(config: Config, credential: TokenCredential): Entity {
  const { namespace, connectionString, topic, subscription } = config.serviceBus;
  sendAtOnce();
  return {
    topic,
    subscription,
    connect(timeoutInMs = TIMEOUT_MS) {
      const options = { retryOptions: { ...retryOptions, timeoutInMs } };
      return connectionString === undefined
        ? new ServiceBusClient(namespace!, credential, options)
        : new ServiceBusClient(connectionString, options);
    },
  };
}

/** The client's own lock renewal is off: it is keyed by message id, and ends with the link. */
export function openReceiver(client: ServiceBusClient, { topic, subscription }: Entity): ServiceBusReceiver {
  return client.createReceiver(topic, subscription, {
    receiveMode: 'peekLock',
    maxAutoLockRenewalDurationInMs: 0,
  });
}

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
  const messages = await withDeadline(deadlineMs, `the subscription ${receiver.entityPath}`, (abortSignal) =>
    receiver.peekMessages(PEEKED, { fromSequenceNumber: Long.ZERO, abortSignal }),
  );
  return messages.find(({ sequenceNumber }) => !holds(sequenceNumber));
}

let sendingAtOnce = false;

/**
 * Turns Nagle's algorithm off for the sockets that this process opens. The client leaves it on and has no option for it: a
 * settlement right behind another small frame then waits 40 ms for the broker's delayed acknowledgement. HTTP and Redis
 * have it off anyway.
 */
function sendAtOnce(): void {
  if (sendingAtOnce) return;
  sendingAtOnce = true;
  subscribe('net.client.socket', (message) => (message as { socket: Socket }).socket.setNoDelay(true));
}
