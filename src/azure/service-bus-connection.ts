import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { TokenCredential } from '@azure/identity';
import {
  ServiceBusClient,
  type ServiceBusReceivedMessage,
  type ServiceBusReceiver,
} from '@azure/service-bus';
import type { Config } from '../config.ts';

/** One client with its links. Once anything of it has failed it is retired, and another one takes its place. */
export type Connection = {
  /** One message, or undefined when none came for a while. */
  receive(): Promise<Received | undefined>;
  /** A receiver that never receives: it peeks, renews locks and settles by lock token. */
  readonly keeper: ServiceBusReceiver;
  readonly retired: boolean;
  /** Runs a call of this client; rejects as soon as the connection is retired, since its answer may never come. */
  whileInUse<T>(call: () => Promise<T>): Promise<T>;
  /** Closes the client as soon as no receive is under way, or after a while. */
  retire(): void;
  close(): Promise<void>;
};
export type Received = { message: ServiceBusReceivedMessage; receiver: ServiceBusReceiver };

/** How long an idle link asks before it drains its credit and asks again: it bounds how long a shutdown waits. */
const IDLE_WAIT_MS = 1_000;
/** A client that hangs on a dead socket lets go of it after 60 s; then nothing can be under way any more. */
const RETIREMENT_MS = 70_000;
/** Trying again is ours; the client's own default waits 30 s behind one failed attach. */
const retryOptions = { maxRetries: 1, retryDelayInMs: 250, maxRetryDelayInMs: 1_000, timeoutInMs: 10_000 };

export function connect(config: Config, credential: TokenCredential): Connection {
  sendAtOnce();
  const { topic, subscription } = config.serviceBus;
  const client = makeClient(config, credential);
  // The client's own lock renewal is off: it is keyed by message id, and ends with the link.
  const open = (): ServiceBusReceiver =>
    client.createReceiver(topic, subscription, {
      receiveMode: 'peekLock',
      maxAutoLockRenewalDurationInMs: 0,
    });
  const keeper = open();
  const idle: ServiceBusReceiver[] = [];
  let receiving = 0;
  let retired = false;
  const waiting = new Set<(reason: Error) => void>();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= client.close();
    return closing;
  };
  const closeQuietly = (): void => {
    // Nothing depends on it any more: what it held is settled by token, over its successor.
    close().catch(() => undefined);
  };
  return {
    keeper,
    get retired() {
      return retired;
    },
    whileInUse: (call) =>
      new Promise((resolve, reject) => {
        waiting.add(reject);
        call()
          .then(resolve, reject)
          .finally(() => waiting.delete(reject));
      }),
    async receive() {
      const receiver = idle.pop() ?? open();
      receiving += 1;
      try {
        // One at a time: asking for more would wait up to 1 s behind the first (the client's batching).
        const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: IDLE_WAIT_MS });
        return message && { message, receiver };
      } finally {
        receiving -= 1;
        if (!receiver.isClosed) idle.push(receiver);
        if (retired && receiving === 0) closeQuietly();
      }
    },
    retire() {
      retired = true;
      for (const reject of waiting) reject(new Error('the connection is retired'));
      if (receiving === 0) closeQuietly();
      else setTimeout(closeQuietly, RETIREMENT_MS).unref();
    },
    close,
  };
}

function makeClient(config: Config, credential: TokenCredential): ServiceBusClient {
  const { namespace, connectionString } = config.serviceBus;
  return connectionString === undefined
    ? new ServiceBusClient(namespace!, credential, { retryOptions })
    : new ServiceBusClient(connectionString, { retryOptions });
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
