import type { ServiceBusReceivedMessage, ServiceBusReceiver } from '@azure/service-bus';
import { type Entity, IDLE_WAIT_MS, openReceiver } from './service-bus-client.ts';

/** One client with its links. Once anything of it has failed it is retired, and another one takes its place. */
export type Connection = {
  /** One message, or undefined when none came for a while. */
  receive(waitMs?: number): Promise<Received | undefined>;
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

/** A client that hangs on a dead socket lets go of it after 60 s; then nothing can be under way any more. */
const RETIREMENT_MS = 70_000;

export function connect(entity: Entity): Connection {
  const client = entity.connect();
  const open = (): ServiceBusReceiver => openReceiver(client, entity);
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
    async receive(waitMs = IDLE_WAIT_MS) {
      const receiver = idle.pop() ?? open();
      receiving += 1;
      try {
        // One at a time: asking for more would wait up to 1 s behind the first (the client's batching).
        const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: waitMs });
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
