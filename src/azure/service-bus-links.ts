import type { ServiceBusReceivedMessage, ServiceBusReceiver } from '@azure/service-bus';
import type { EventSource, HeldEvent, Log, Settlement } from '../pipeline/ports.ts';
import type { CallFacts, Watch } from '../pipeline/watch.ts';
import { withDeadline } from './deadline.ts';
import { lastOf } from './last-error.ts';
import { type Aged, type Entity, oldestEnqueuedAt, peekOldest } from './service-bus-client.ts';
import { type Connection, connect, type Received } from './service-bus-connection.ts';
import { makeHeldSequences } from './service-bus-held.ts';
import { type LockTimes, makeLockTimes } from './service-bus-locks.ts';
import {
  byToken,
  factsOf,
  RENEW_DEADLINE_MS,
  SETTLE_DEADLINE_MS,
  serviceBusFailure,
  settleOver,
} from './service-bus-settlement.ts';
import { makeWatch } from './service-bus-watch.ts';

/** Together they must keep the lanes busy at the broker's round trip; an entity allows all workers 5,000 receives at a time. */
const MAX_LINKS = 16;
const MOST_AT_ONCE = 8;
/** Short, so that work resumes within 5 s of the end of an outage: one probe is under way at a time. */
const PROBE_DEADLINE_MS = 4_000;

export type LinksOptions = {
  maxLockedEvents: number;
  /** How long an idle link asks before it drains its credit and asks again. */
  idleWaitMs: number;
  silenceMs: number;
  log: Log;
  watch: Watch;
};

export type Links = EventSource &
  Aged & {
    /** A first receive, which only finds out whether it may. What it brings is the first event. @throws the client's error */
    open(waitMs: number): Promise<void>;
    /** @throws the client's error when the subscription cannot be read */
    peek(deadlineMs: number): Promise<void>;
  };

/**
 * Receives over a few links, by one message each or, where messages wait, by several. After a failed receive everything goes on over a new connection: a client
 * whose socket was cut may hang for a minute in its own clean-up, its settlements and lock renewals too.
 */
export function receiveOverLinks(
  entity: Entity,
  { maxLockedEvents, idleWaitMs, silenceMs, log, watch }: LinksOptions,
): Links {
  const lockTimes = makeLockTimes();
  const held = makeHeldSequences(maxLockedEvents);
  /** Came without being asked for by anybody any more: handed out first. */
  const waiting: HeldEvent[] = [];
  let closed = false;
  const start = (): Connection => {
    const connection = connect(
      entity,
      watch,
      (late) => void waiting.push(...late.map((each) => hold(each, connection))),
    );
    return connection;
  };
  let current = start();
  const silence = makeWatch({
    silenceMs,
    log,
    oldest: () => current.ask((keeper) => peekOldest(keeper, PROBE_DEADLINE_MS, held.has)),
  });

  function replace(connection: Connection, by: () => Connection): void {
    if (current !== connection || closed) return;
    current = by();
    connection.retire();
  }

  /** One whose lock has run out meanwhile belongs to somebody else by now. */
  function takeWaiting(most: number): HeldEvent[] {
    const alive = waiting.splice(0).filter((event) => event.lock.lockedUntilMs > Date.now());
    waiting.push(...alive.slice(most));
    return alive.slice(0, most);
  }

  async function receive(waitMs: number, most: number): Promise<readonly HeldEvent[]> {
    const late = takeWaiting(most);
    if (late.length > 0) return late;
    const connection = current;
    try {
      const received = await connection.receive(waitMs, most);
      if (received.length > 0) {
        silence.came();
        waiting.push(...received.map((each) => hold(each, connection)));
        // The client answers with more than it was asked for rather than lose them.
        return takeWaiting(most);
      }
    } catch (error) {
      replace(connection, start);
      throw lastOf(error);
    }
    if (await silence.isDead()) replace(connection, start);
    return [];
  }

  function hold(received: Received, origin: Connection): HeldEvent {
    const event = holdEvent(received, origin, () => current, lockTimes, watch);
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
    mostAtOnce: MOST_AT_ONCE,
    receive: (_, most) => receive(idleWaitMs, most),
    async open(firstWaitMs) {
      waiting.push(...(await receive(firstWaitMs, 1)));
    },
    async peek(deadlineMs) {
      await current.ask((keeper) => peekOldest(keeper, deadlineMs));
    },
    probe: () =>
      watch.call('service-bus', 'probe', async () => {
        const connection = start();
        try {
          await connection.ask((keeper) => peekOldest(keeper, PROBE_DEADLINE_MS));
        } catch (error) {
          connection.retire();
          throw serviceBusFailure('a peek', error);
        }
        if (closed) return connection.retire();
        replace(current, () => connection);
      }),
    oldestEnqueuedAtMs: () => current.ask(oldestEnqueuedAt),
    reconnect: () => replace(current, start),
    async close() {
      closed = true;
      // Where it is not taken they come again after their locks.
      await Promise.allSettled(waiting.splice(0).map((event) => event.settle({ kind: 'abandon' })));
      await current.close();
    },
  };
}

function holdEvent(
  { message, receiver }: Received,
  origin: Connection,
  current: () => Connection,
  lockTimes: LockTimes,
  watch: Watch,
): HeldEvent {
  // The client takes the session id of a message (the front end sets one) for a session lock, also where there are no
  // sessions, and then refuses to settle once the link is gone.
  delete (message as { sessionId?: string }).sessionId;
  return {
    ...factsOf(message),
    lock: {
      lockedUntilMs: lockTimes(message.lockedUntilUtc, message.enqueuedTimeUtc),
      renew: () =>
        watch.call('service-bus', 'renew', async () => {
          try {
            const renewal = () => current().ask((keeper) => keeper.renewMessageLock(message));
            return lockTimes(await withDeadline(RENEW_DEADLINE_MS, 'a lock renewal', renewal));
          } catch (error) {
            throw serviceBusFailure('lock renewal', error);
          }
        }),
    },
    settle: (settlement) =>
      watch.call('service-bus', settlement.kind, async (note) => {
        try {
          await settleSurely(message, receiver, origin, current, settlement, note);
        } catch (error) {
          throw serviceBusFailure(settlement.kind, error);
        }
      }),
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
  note: (facts: CallFacts) => void,
): Promise<void> {
  if (!origin.retired && message.delivery?.link?.is_open())
    try {
      return await withDeadline(SETTLE_DEADLINE_MS, 'a settlement', () =>
        origin.ask(() => settleOver(receiver, message, settlement)),
      );
    } catch {
      // The token tells the same below, if the lock is really lost.
      note({ retries: 1 });
    }
  await withDeadline(SETTLE_DEADLINE_MS, 'a settlement by lock token', () =>
    current().ask((keeper) => settleOver(keeper, byToken(message), settlement)),
  );
}
