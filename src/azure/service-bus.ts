import type { TokenCredential } from '@azure/identity';
import type { ServiceBusReceivedMessage, ServiceBusReceiver } from '@azure/service-bus';
import type { Config } from '../config.ts';
import { Failure } from '../pipeline/failures.ts';
import type { EventSource, HeldEvent, Lock, Settlement } from '../pipeline/ports.ts';
import { withDeadline } from './deadline.ts';
import { type Connection, connect, type Received } from './service-bus-connection.ts';

/** Each link has at most one event asked for. Together they must keep the lanes busy at the broker's round trip. */
const MAX_LINKS = 16;
const START_DEADLINE_MS = 30_000;
const PROBE_DEADLINE_MS = 4_000;
const SETTLE_DEADLINE_MS = 10_000;
const RENEW_DEADLINE_MS = 10_000;
/** Service Bus refuses longer reasons and descriptions. */
const MAX_REASON_LENGTH = 4_096;

/**
 * Opens the subscription, after one peek that shows that it exists and may be read: the client itself would retry for
 * ever. After a failed receive everything goes on over a new connection: a client whose socket was cut may hang for a
 * minute in its own clean-up, its settlements and lock renewals too.
 * @throws the client's error when the subscription cannot be read
 */
export async function openServiceBus(config: Config, credential: TokenCredential): Promise<EventSource> {
  const { topic, subscription } = config.serviceBus;
  let current = connect(config, credential);
  try {
    await withDeadline(START_DEADLINE_MS, `the subscription ${topic}/${subscription}`, (abortSignal) =>
      current.keeper.peekMessages(1, { abortSignal }),
    );
  } catch (error) {
    await current.close();
    throw error;
  }
  return {
    parallelReceives: Math.min(MAX_LINKS, config.maxLockedEvents),
    async receive() {
      const connection = current;
      try {
        const received = await connection.receive();
        return received && hold(received, connection, () => current);
      } catch (error) {
        if (current === connection) {
          current = connect(config, credential);
          connection.retire();
        }
        throw error;
      }
    },
    async probe() {
      const connection = connect(config, credential);
      try {
        await withDeadline(PROBE_DEADLINE_MS, `the subscription ${topic}/${subscription}`, (abortSignal) =>
          connection.keeper.peekMessages(1, { abortSignal }),
        );
      } catch (error) {
        connection.retire();
        throw serviceBusFailure('a peek', error);
      }
      const former = current;
      current = connection;
      former.retire();
    },
    close: () => current.close(),
  };
}

function hold({ message, receiver }: Received, origin: Connection, current: () => Connection): HeldEvent {
  // The client takes the session id of a message (the front end sets one) for a session lock, also where there are no
  // sessions, and then refuses to settle once the link is gone.
  delete (message as { sessionId?: string }).sessionId;
  const properties = message.applicationProperties;
  const trace = properties?.traceparent ?? properties?.['Diagnostic-Id'];
  const lock: Lock = {
    lockedUntilMs: untilHere(message.lockedUntilUtc, message.enqueuedTimeUtc),
    async renew() {
      try {
        const renewal = () => current().keeper.renewMessageLock(message);
        return untilHere(await withDeadline(RENEW_DEADLINE_MS, 'a lock renewal', renewal));
      } catch (error) {
        throw serviceBusFailure('lock renewal', error);
      }
    },
  };
  return {
    body: message.body,
    messageId: message.messageId === undefined ? undefined : String(message.messageId),
    enqueuedAtMs: message.enqueuedTimeUtc?.getTime(),
    lock,
    deliveryCount: message.deliveryCount ?? 0,
    traceparent: typeof trace === 'string' ? trace : undefined,
    async settle(settlement) {
      try {
        await settleSurely(message, receiver, origin, current, settlement);
      } catch (error) {
        throw serviceBusFailure(settlement.kind, error);
      }
    },
  };
}

/** Service Bus allows no longer lock. */
const LONGEST_LOCK_MS = 300_000;
/** And no shorter one. */
const SHORTEST_LOCK_MS = 5_000;
let lockMs = LONGEST_LOCK_MS;

/**
 * Until when a lock holds by this machine's clock, which may differ from the broker's: at most as long as a lock lasts, as
 * far as messages have shown it (from enqueued to locked-until, both the broker's), and never already over, so that a clock
 * that is ahead renews early instead of losing every lock.
 */
function untilHere(lockedUntil: Date | undefined, enqueued?: Date): number {
  const now = Date.now();
  if (lockedUntil === undefined) return now + SHORTEST_LOCK_MS;
  if (enqueued) lockMs = Math.min(lockMs, Math.max(1_000, lockedUntil.getTime() - enqueued.getTime()));
  return now + Math.min(lockMs, Math.max(lockedUntil.getTime() - now, SHORTEST_LOCK_MS));
}

function serviceBusFailure(what: string, error: unknown): Failure {
  const { code, message } = error as { code?: unknown; message: string };
  return code === 'MessageLockLost'
    ? new Failure('LockLost', `${what}: the lock is lost`, { cause: error })
    : new Failure('SettlementFailed', `${what}: ${String(code ?? message)}`, { cause: error });
}

/** What the client keeps with a message and does not show: the delivery, and the link that it came over. */
type Delivered = ServiceBusReceivedMessage & { delivery?: { link?: { is_open(): boolean } } };

/**
 * Settles over the link that delivered, or by lock token over the management link. A link that was detached and came
 * back under its old name does not know what it delivered before, and the client does not notice: its settlements then
 * fail although the lock lives. So the token is used once that link or its connection is gone, and wherever it fails.
 */
async function settleSurely(
  message: Delivered,
  receiver: ServiceBusReceiver,
  origin: Connection,
  current: () => Connection,
  settlement: Settlement,
): Promise<void> {
  if (!origin.retired && message.delivery?.link?.is_open())
    try {
      return await withDeadline(SETTLE_DEADLINE_MS, 'a settlement', () =>
        origin.whileInUse(() => send(message, receiver, settlement)),
      );
    } catch {
      // The token tells the same below, if the lock is really lost.
    }
  // To the client a message without a link is a deferred one, and those it settles by their token.
  const detached: Delivered = Object.create(message, { delivery: { value: { remote_settled: false } } });
  await withDeadline(SETTLE_DEADLINE_MS, 'a settlement by lock token', () =>
    send(detached, current().keeper, settlement),
  );
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
