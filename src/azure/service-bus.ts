import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
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
const IDLE_WAIT_MS = 1_000;
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
  sendAtOnce();
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
  // The first receiver never receives: it is there to settle by lock token what a lost link had delivered.
  const idle: ServiceBusReceiver[] = [];
  const parallelReceives = Math.min(MAX_LINKS, config.maxLockedEvents);
  return {
    parallelReceives,
    async receive() {
      const receiver = idle.pop() ?? open();
      try {
        // One at a time: asking for more would wait up to 1 s behind the first (the client's batching).
        const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: IDLE_WAIT_MS });
        return message && hold(message, receiver, first);
      } finally {
        if (!receiver.isClosed) idle.push(receiver);
      }
    },
    async close() {
      await client.close();
    },
  };
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

/** HOST or HOST:PORT; the client itself takes no port in a namespace. */
function namespaceClient(namespace: string, credential: TokenCredential): ServiceBusClient {
  const [host, port] = namespace.split(':');
  return port === undefined
    ? new ServiceBusClient(namespace, credential)
    : new ServiceBusClient(host!, credential, { customEndpointAddress: `sb://${host}:${port}` });
}

function hold(
  message: ServiceBusReceivedMessage,
  receiver: ServiceBusReceiver,
  settler: ServiceBusReceiver,
): HeldEvent {
  // The client takes the session id of a message (the front end sets one) for a session lock, also where there are no
  // sessions, and then refuses to settle once the link is gone.
  delete (message as { sessionId?: string }).sessionId;
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
        await settleSurely(message, receiver, settler, settlement);
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

/** What the client keeps with a message and does not show: the delivery, and the link that it came over. */
type Delivered = ServiceBusReceivedMessage & { delivery?: { link?: { is_open(): boolean } } };

/**
 * Settles over the link that delivered, or by lock token over the management link. A link that was detached and came
 * back under its old name does not know what it delivered before, and the client does not notice: its settlements then
 * fail although the lock lives. So the token is used once that link is not open, and wherever the link fails.
 */
async function settleSurely(
  message: Delivered,
  receiver: ServiceBusReceiver,
  settler: ServiceBusReceiver,
  settlement: Settlement,
): Promise<void> {
  const byToken = (): Promise<void> => {
    // To the client a message without a link is a deferred one, and those it settles by their token.
    const detached: Delivered = Object.create(message, { delivery: { value: { remote_settled: false } } });
    return withDeadline(SETTLE_DEADLINE_MS, 'a settlement by lock token', () =>
      send(detached, settler, settlement),
    );
  };
  if (!message.delivery?.link?.is_open()) return byToken();
  try {
    await withDeadline(SETTLE_DEADLINE_MS, 'a settlement', () => send(message, receiver, settlement));
  } catch {
    await byToken(); // tells the same, if the lock is really lost
  }
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
