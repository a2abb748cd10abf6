import type { ServiceBusReceivedMessage, ServiceBusReceiver } from '@azure/service-bus';
import type { EventSource, HeldEvent, Log, Settlement } from '../pipeline/ports.ts';
import { withDeadline } from './deadline.ts';
import { type Entity, peekOldest } from './service-bus-client.ts';
import { type Connection, connect, type Received } from './service-bus-connection.ts';
import { makeHeldSequences } from './service-bus-held.ts';
import { type LockTimes, makeLockTimes } from './service-bus-locks.ts';
import {
  factsOf,
  RENEW_DEADLINE_MS,
  SETTLE_DEADLINE_MS,
  serviceBusFailure,
  settleOver,
} from './service-bus-settlement.ts';
import { makeWatch } from './service-bus-watch.ts';

/** Each link has at most one event asked for. Together they must keep the lanes busy at the broker's round trip. */
const MAX_LINKS = 16;
/** Short, so that work resumes within 5 s of the end of an outage: one probe is under way at a time. */
const PROBE_DEADLINE_MS = 4_000;

export type LinksOptions = { maxLockedEvents: number; silenceMs: number; log: Log };

/**
 * Receives over links of one message each. After a failed receive everything goes on over a new connection: a client
 * whose socket was cut may hang for a minute in its own clean-up, its settlements and lock renewals too.
 */
export function receiveOverLinks(
  entity: Entity,
  first: { connection: Connection; received: Received | undefined },
  { maxLockedEvents, silenceMs, log }: LinksOptions,
): EventSource {
  let current = first.connection;
  let waiting = first.received;
  const lockTimes = makeLockTimes();
  const held = makeHeldSequences(maxLockedEvents);
  const watch = makeWatch({
    silenceMs,
    log,
    oldest: () => peekOldest(current.keeper, PROBE_DEADLINE_MS, held.has),
  });

  function replace(connection: Connection, by: Connection): void {
    if (current === connection) current = by;
    connection.retire();
  }

  async function receive(): Promise<HeldEvent | undefined> {
    const connection = current;
    try {
      const received = waiting ?? (await connection.receive());
      waiting = undefined;
      if (received) {
        watch.came();
        return hold(received, connection);
      }
    } catch (error) {
      if (current === connection) replace(connection, connect(entity));
      throw error;
    }
    if (await watch.isDead()) replace(connection, connect(entity));
    return undefined;
  }

  function hold(received: Received, origin: Connection): HeldEvent {
    const event = holdEvent(received, origin, () => current, lockTimes);
    const { sequenceNumber } = received.message;
    held.add(sequenceNumber, event.lock);
    return {
      ...event,
      async settle(settlement) {
        await event.settle(settlement);
        held.settled(sequenceNumber);
      },
    };
  }

  return {
    parallelReceives: Math.min(MAX_LINKS, maxLockedEvents),
    receive,
    async probe() {
      const connection = connect(entity);
      try {
        await peekOldest(connection.keeper, PROBE_DEADLINE_MS);
      } catch (error) {
        connection.retire();
        throw serviceBusFailure('a peek', error);
      }
      replace(current, connection);
    },
    reconnect: () => replace(current, connect(entity)),
    close: () => current.close(),
  };
}

function holdEvent(
  { message, receiver }: Received,
  origin: Connection,
  current: () => Connection,
  lockTimes: LockTimes,
): HeldEvent {
  // The client takes the session id of a message (the front end sets one) for a session lock, also where there are no
  // sessions, and then refuses to settle once the link is gone.
  delete (message as { sessionId?: string }).sessionId;
  return {
    ...factsOf(message),
    lock: {
      lockedUntilMs: lockTimes(message.lockedUntilUtc, message.enqueuedTimeUtc),
      async renew() {
        try {
          const renewal = () => current().keeper.renewMessageLock(message);
          return lockTimes(await withDeadline(RENEW_DEADLINE_MS, 'a lock renewal', renewal));
        } catch (error) {
          throw serviceBusFailure('lock renewal', error);
        }
      },
    },
    async settle(settlement) {
      try {
        await settleSurely(message, receiver, origin, current, settlement);
      } catch (error) {
        throw serviceBusFailure(settlement.kind, error);
      }
    },
  };
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
        origin.whileInUse(() => settleOver(receiver, message, settlement)),
      );
    } catch {
      // The token tells the same below, if the lock is really lost.
    }
  // To the client a message without a link is a deferred one, and those it settles by their token.
  const detached: Delivered = Object.create(message, { delivery: { value: { remote_settled: false } } });
  await withDeadline(SETTLE_DEADLINE_MS, 'a settlement by lock token', () =>
    settleOver(current().keeper, detached, settlement),
  );
}
