import type { ServiceBusReceivedMessage, ServiceBusReceiver } from '@azure/service-bus';
import type { Watch } from '../pipeline/watch.ts';
import { DeadlineError, withDeadline } from './deadline.ts';
import { type Entity, openReceiver } from './service-bus-client.ts';
import { type Ask, makePace } from './service-bus-pace.ts';

/** One client with its links. Once anything of it has failed it is retired, and another one takes its place. */
export type Connection = {
  /** At most so many messages; none when none came for a while. @throws also when the client does not come to an end */
  receive(waitMs: number, most: number): Promise<readonly Received[]>;
  /**
   * Asks something of a receiver that never receives: it peeks, renews locks and settles by lock token. Rejects as soon as
   * the connection is retired, since the answer may never come.
   */
  ask<T>(call: (keeper: ServiceBusReceiver) => Promise<T>): Promise<T>;
  readonly retired: boolean;
  /** Closes the client as soon as no receive is under way, or after a while. */
  retire(): void;
  /** Resolves within about a second, whatever the broker does. Never rejects. */
  close(): Promise<void>;
};
export type Received = { message: ServiceBusReceivedMessage; receiver: ServiceBusReceiver };

/**
 * A receive ends by itself soon after its wait. On a connection that hangs it may never end: the client then waits for its
 * link to be closed, and drops the receive where that fails. Attaching the link and a token for it are within this time.
 */
const RECEIVE_SLACK_MS = 5_000;
/** How long a retired client may wait for a message that is on its way to one of its links. */
const RETIREMENT_MS = 10_000;

/** `onLate` gets what a receive brings after it was given up: it is locked for us all the same. */
export function connect(
  entity: Entity,
  watch: Watch,
  onLate: (received: readonly Received[]) => void,
): Connection {
  const client = entity.connect();
  const open = (): ServiceBusReceiver => openReceiver(client, entity);
  const keeper = open();
  const idle: ServiceBusReceiver[] = [];
  const delivered = new Map<ServiceBusReceiver, number>();
  const pace = makePace();
  let receiving = 0;
  let retired = false;
  const waiting = new Set<(reason: Error) => void>();

  async function receiveOver(receiver: ServiceBusReceiver, ask: Ask): Promise<readonly Received[]> {
    receiving += 1;
    const askedAtMs = performance.now();
    try {
      const messages = await watch.call('service-bus', 'receive', () =>
        client.call(() => receiver.receiveMessages(ask.count, { maxWaitTimeInMs: ask.waitMs })),
      );
      pace.came(ask, messages.length, performance.now() - askedAtMs);
      delivered.set(receiver, (delivered.get(receiver) ?? 0) + messages.length);
      return messages.map((message) => ({ message, receiver }));
    } finally {
      receiving -= 1;
      // One that is spent stays open: what it delivered is settled over it.
      const isSpent = (delivered.get(receiver) ?? 0) >= (entity.messagesPerLink ?? Number.POSITIVE_INFINITY);
      if (!receiver.isClosed && !isSpent) idle.push(receiver);
      if (retired && receiving === 0) void client.close();
    }
  }

  return {
    get retired() {
      return retired;
    },
    ask: (call) =>
      new Promise((resolve, reject) => {
        if (retired) return reject(new Error('the connection is retired'));
        waiting.add(reject);
        client
          .call(() => call(keeper))
          .then(resolve, reject)
          .finally(() => waiting.delete(reject));
      }),
    async receive(waitMs, most) {
      const ask = pace.ask(most, waitMs);
      const received = receiveOver(idle.pop() ?? open(), ask);
      try {
        return await withDeadline(ask.waitMs + RECEIVE_SLACK_MS, 'a receive', () => received);
      } catch (error) {
        if (error instanceof DeadlineError)
          received.then(
            onLate,
            // It has been reported as failed by now.
            () => undefined,
          );
        throw error;
      }
    },
    retire() {
      retired = true;
      for (const reject of waiting) reject(new Error('the connection is retired'));
      if (receiving === 0) void client.close();
      else setTimeout(() => void client.close(), RETIREMENT_MS).unref();
    },
    close: () => client.close(),
  };
}
