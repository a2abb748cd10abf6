import type { ServiceBusReceivedMessage, ServiceBusSessionReceiver } from '@azure/service-bus';
import { Failure } from '../pipeline/failures.ts';
import type { Lock, Settlement } from '../pipeline/ports.ts';
import type { CallFacts, Watch } from '../pipeline/watch.ts';
import { withDeadline } from './deadline.ts';
import type { Client } from './service-bus-client.ts';
import type { LockTimes } from './service-bus-locks.ts';
import {
  byToken,
  RENEW_DEADLINE_MS,
  SETTLE_DEADLINE_MS,
  serviceBusFailure,
  settleOver,
} from './service-bus-settlement.ts';

/** One session that this process holds. */
export type Session = {
  readonly id: string;
  readonly client: Client;
  /** One for all events of the session. */
  readonly lock: Lock;
  /** Events of it that are in hand. */
  unsettled: number;
  received: number;
  usedAtMs: number;
  /** A receive on it is under way, or about to be. */
  taken: boolean;
  /** The lock is lost or the link is gone, which is the same: nothing of it can be settled any more. */
  readonly lost: boolean;
  /** @throws the client's error; the session is lost then */
  receive(waitMs: number): Promise<ServiceBusReceivedMessage | undefined>;
  /** @throws Failure LockLost, at once where the session is lost, or SettlementFailed */
  settle(message: ServiceBusReceivedMessage, settlement: Settlement): Promise<void>;
  lose(): void;
  /** In good order: the broker gives it to the next who asks. Never rejects. */
  close(): Promise<void>;
};

/** Attaching is over; a receive ends soon after its wait, unless the connection hangs. */
const RECEIVE_SLACK_MS = 3_000;
/** With less left the lock is renewed before a receive: what it brings must not come under a lock that is about to end. */
const RENEW_BEFORE_RECEIVE_MS = 2_500;
/** What shows a shorter lock came after the session was locked, and shows nothing. */
const LEAST_BELIEVED_MS = 2_000;
/** A session of which nothing could be settled for so long is let go: its events come again over another link. */
const REFUSED_MS = 60_000;

export function makeSession(
  receiver: ServiceBusSessionReceiver,
  client: Client,
  lockTimes: LockTimes,
  onLost: (session: Session) => void,
  watch: Watch,
): Session {
  let brokersUntil = receiver.sessionLockedUntilUtc;
  let lost = false;
  let refusedSinceMs: number | undefined;
  let closing: Promise<void> | undefined;

  function isGone(): boolean {
    if (!lost && receiver.isClosed) session.lose();
    return lost;
  }

  async function renew(): Promise<number> {
    if (isGone()) throw new Failure('LockLost', 'the session is lost');
    try {
      brokersUntil = await withDeadline(RENEW_DEADLINE_MS, 'a session lock renewal', (abortSignal) =>
        client.call(() => receiver.renewSessionLock({ abortSignal })),
      );
    } catch (error) {
      const failure = serviceBusFailure('session lock renewal', error);
      if (failure.code === 'LockLost') session.lose();
      if (isGone()) throw new Failure('LockLost', failure.message, { cause: error });
      throw failure;
    }
    if (lost) throw new Failure('LockLost', 'the session is lost');
    return lockTimes(brokersUntil);
  }

  async function receiveOne(waitMs: number): Promise<ServiceBusReceivedMessage | undefined> {
    if (session.lock.lockedUntilMs - Date.now() < RENEW_BEFORE_RECEIVE_MS)
      session.lock.lockedUntilMs = await renew();
    const receiving = watch.call('service-bus', 'receive', () =>
      client.call(() => receiver.receiveMessages(1, { maxWaitTimeInMs: waitMs })),
    );
    const [message] = await withDeadline(waitMs + RECEIVE_SLACK_MS, 'a receive', () => receiving);
    return message;
  }

  /** The first message was enqueued before the session was locked, as a rule: it shows how long a lock lasts at most. */
  function learnFrom({ enqueuedTimeUtc }: ServiceBusReceivedMessage): void {
    if (!enqueuedTimeUtc || brokersUntil.getTime() - enqueuedTimeUtc.getTime() < LEAST_BELIEVED_MS) return;
    const untilMs = lockTimes(brokersUntil, enqueuedTimeUtc);
    session.lock.lockedUntilMs = Math.min(session.lock.lockedUntilMs, untilMs);
  }

  async function settle(
    message: ServiceBusReceivedMessage,
    settlement: Settlement,
    note: (facts: CallFacts) => void,
  ): Promise<void> {
    if (isGone()) throw new Failure('LockLost', `${settlement.kind}: the session is lost`);
    const send = (one: ServiceBusReceivedMessage) =>
      withDeadline(SETTLE_DEADLINE_MS, 'a settlement', () =>
        client.call(() => settleOver(receiver, one, settlement)),
      );
    try {
      // A delivery that was refused once is over for its link; the lock token goes on.
      await send(message).catch((error) => {
        if (isGone()) throw error;
        note({ retries: 1 });
        return send(byToken(message));
      });
      refusedSinceMs = undefined;
    } catch (error) {
      const failure = serviceBusFailure(settlement.kind, error);
      refusedSinceMs ??= Date.now();
      if (failure.code === 'LockLost' || Date.now() - refusedSinceMs > REFUSED_MS) session.lose();
      if (isGone()) throw new Failure('LockLost', failure.message, { cause: error });
      throw failure;
    }
  }

  const session: Session = {
    id: receiver.sessionId,
    client,
    lock: { lockedUntilMs: lockTimes(brokersUntil), renew: () => watch.call('service-bus', 'renew', renew) },
    unsettled: 0,
    received: 0,
    usedAtMs: Date.now(),
    taken: false,
    get lost() {
      return lost;
    },
    async receive(waitMs) {
      try {
        const message = await receiveOne(waitMs);
        if (!message) return undefined;
        if (session.received === 0) learnFrom(message);
        session.received += 1;
        session.unsettled += 1;
        return message;
      } catch (error) {
        session.lose();
        throw error;
      } finally {
        session.usedAtMs = Date.now();
      }
    },
    settle: (message, settlement) =>
      watch.call('service-bus', settlement.kind, (note) => settle(message, settlement, note)),
    lose() {
      if (lost) return;
      lost = true;
      // The keeper of locks finds it over at its next look, and stops the work on its events.
      session.lock.lockedUntilMs = 0;
      onLost(session);
    },
    close() {
      closing ??= client.call(() => receiver.close()).catch(() => undefined);
      return closing;
    },
  };
  return session;
}
