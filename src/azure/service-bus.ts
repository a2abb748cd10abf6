import type { TokenCredential } from '@azure/identity';
import {
  ServiceBusClient,
  type ServiceBusReceivedMessage,
  type ServiceBusReceiver,
} from '@azure/service-bus';
import type { Config } from '../config.ts';
import { Failure } from '../pipeline/failures.ts';
import type { EventSource, HeldEvent, Settlement } from '../pipeline/ports.ts';
import { withDeadline } from './deadline.ts';

/** Each link has at most one event asked for. Together they must keep the lanes busy at the broker's round trip. */
const MAX_LINKS = 16;
/** How long an idle link asks before it drains its credit and asks again: it bounds how long a shutdown waits. */
const IDLE_WAIT_MS = 2_000;
const SETTLE_DEADLINE_MS = 30_000;
const RENEW_DEADLINE_MS = 10_000;
/** Service Bus refuses longer reasons and descriptions. */
const MAX_REASON_LENGTH = 4_096;

/**
 * Opens the subscription, after one peek that shows that it exists and may be read: the client itself would retry for
 * ever. The client's lock renewal is off: it is keyed by message id, and ends with the link.
 * @throws the client's error when the subscription cannot be read
 */
export async function openServiceBus(config: Config, credential: TokenCredential): Promise<EventSource> {
  const { namespace, connectionString, topic, subscription } = config.serviceBus;
  const client =
    connectionString === undefined
      ? namespaceClient(namespace!, credential)
      : new ServiceBusClient(connectionString);
  const open = (): ServiceBusReceiver =>
    client.createReceiver(topic, subscription, {
      receiveMode: 'peekLock',
      maxAutoLockRenewalDurationInMs: 0,
    });
  const first = open();
  try {
    await withDeadline(30_000, `the subscription ${topic}/${subscription}`, (abortSignal) =>
      first.peekMessages(1, { abortSignal }),
    );
  } catch (error) {
    await client.close();
    throw error;
  }
  const idle = [first];
  const parallelReceives = Math.min(MAX_LINKS, config.maxLockedEvents);
  return {
    parallelReceives,
    async receive() {
      const receiver = idle.pop() ?? open();
      let usable = true;
      try {
        // One at a time: asking for more would wait up to 1 s behind the first (the client's batching).
        const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: IDLE_WAIT_MS });
        return message && hold(message, receiver);
      } catch (error) {
        usable = !receiver.isClosed;
        throw error;
      } finally {
        if (usable) idle.push(receiver);
      }
    },
    async close() {
      await client.close();
    },
  };
}

/** HOST or HOST:PORT; the client itself takes no port in a namespace. */
function namespaceClient(namespace: string, credential: TokenCredential): ServiceBusClient {
  const [host, port] = namespace.split(':');
  return port === undefined
    ? new ServiceBusClient(namespace, credential)
    : new ServiceBusClient(host!, credential, { customEndpointAddress: `sb://${host}:${port}` });
}

function hold(message: ServiceBusReceivedMessage, receiver: ServiceBusReceiver): HeldEvent {
  const properties = message.applicationProperties;
  const trace = properties?.traceparent ?? properties?.['Diagnostic-Id'];
  return {
    body: message.body,
    messageId: message.messageId === undefined ? undefined : String(message.messageId),
    enqueuedAtMs: message.enqueuedTimeUtc?.getTime(),
    lockedUntilMs: message.lockedUntilUtc?.getTime() ?? Date.now() + 30_000,
    deliveryCount: message.deliveryCount ?? 0,
    traceparent: typeof trace === 'string' ? trace : undefined,
    async settle(settlement) {
      try {
        await withDeadline(SETTLE_DEADLINE_MS, 'a settlement', () => send(message, receiver, settlement));
      } catch (error) {
        const { code, message: text } = error as { code?: string; message: string };
        throw new Failure('SettlementFailed', `${settlement.kind}: ${code ?? text}`, { cause: error });
      }
    },
    async renew() {
      try {
        return (
          await withDeadline(RENEW_DEADLINE_MS, 'a lock renewal', () => receiver.renewMessageLock(message))
        ).getTime();
      } catch (error) {
        if ((error as { code?: unknown }).code === 'MessageLockLost')
          throw new Failure('LockLost', 'the lock is lost', { cause: error });
        throw error;
      }
    },
  };
}

function send(
  message: ServiceBusReceivedMessage,
  receiver: ServiceBusReceiver,
  settlement: Settlement,
): Promise<void> {
  if (settlement.kind === 'complete') return receiver.completeMessage(message);
  if (settlement.kind === 'abandon') return receiver.abandonMessage(message);
  return receiver.deadLetterMessage(message, {
    deadLetterReason: settlement.reason.slice(0, MAX_REASON_LENGTH),
    deadLetterErrorDescription: settlement.description.slice(0, MAX_REASON_LENGTH),
  });
}
