import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import type { EventSource, HeldEvent, Log } from '../pipeline/ports.ts';
import type { Watch } from '../pipeline/watch.ts';
import { withDeadline } from './deadline.ts';
import { lastOf } from './last-error.ts';
import {
  type Aged,
  type Client,
  type Entity,
  IDLE_WAIT_MS,
  oldestEnqueuedAt,
  openReceiver,
  peekOldest,
} from './service-bus-client.ts';
import { makeHeldSequences } from './service-bus-held.ts';
import { makeLockTimes } from './service-bus-locks.ts';
import { isNoSession, makeNextSession } from './service-bus-next-session.ts';
import { makeSession, type Session } from './service-bus-session.ts';
import { factsOf, serviceBusFailure } from './service-bus-settlement.ts';
import { makeSuccession } from './service-bus-succession.ts';
import { makeWatch } from './service-bus-watch.ts';

/** Each session has a link of its own. */
const MAX_SESSIONS = 128;
/** After so many messages a session is let go when they are settled, so that the others get their turn. */
const MESSAGES_A_TURN = 200;
/** How long an idle session is waited for while others are known to wait. */
const CROWDED_WAIT_MS = 100;
/** How long to wait for a session that only shows that there may be one. */
const ASK_MS = 2_000;
const PROBE_DEADLINE_MS = 4_000;
const TIDY_MS = 500;
const CLOSE_MS = 1_000;

export type SessionsOptions = {
  maxConcurrency: number;
  maxLockedEvents: number;
  silenceMs: number;
  log: Log;
  watch: Watch;
};

/** Whether the subscription is one of sessions: only then does it answer the wish for one, if only that there is none. */
export async function requiresSessions({ connect, topic, subscription }: Entity): Promise<boolean> {
  const asking = connect(ASK_MS);
  try {
    const session = await asking.call((client) =>
      client.acceptNextSession(topic, subscription, { maxAutoLockRenewalDurationInMs: 0 }),
    );
    await session.close();
    return true;
  } catch (error) {
    return isNoSession(error);
  } finally {
    await asking.close();
  }
}

/**
 * Receives from many sessions at once, in order within each: a receive takes a session that is held already, or the next
 * one. A session with nothing left to receive or to settle is let go; one that waits for settlements takes a receive only now
 * and then.
 */
export function receiveFromSessions(entity: Entity, options: SessionsOptions): EventSource & Aged {
  const { topic, subscription } = entity;
  const { log, watch } = options;
  const lockTimes = makeLockTimes();
  /** Those on which nobody receives just now and somebody may; the longest unused first. */
  const ready: Session[] = [];
  const all = new Set<Session>();
  const held = makeHeldSequences(options.maxLockedEvents);
  const clients = makeSuccession(
    entity.connect,
    (client) => next.isAsked(client) || [...all].some((session) => session.client === client),
  );
  const next = makeNextSession(clients, grant, (session) => {
    all.add(session);
    offer(session);
  });
  const silence = makeWatch({
    silenceMs: options.silenceMs,
    log,
    oldest: () => {
      const { current } = clients;
      const keeper = openReceiver(current, entity);
      return current.call(() => peekOldest(keeper, PROBE_DEADLINE_MS, held.has));
    },
  });

  /** What waits is asked for again over the new one, which has just answered or has not failed yet. */
  function startAnew(successor?: Client): void {
    if (clients.replace(clients.current, successor)) next.askAgain();
  }

  async function grant(client: Client): Promise<Session> {
    const receiver = await client.call((one) =>
      one.acceptNextSession(topic, subscription, { maxAutoLockRenewalDurationInMs: 0 }),
    );
    return makeSession(receiver, client, lockTimes, letGo, watch);
  }

  function letGo(session: Session): void {
    const at = ready.indexOf(session);
    if (at >= 0) ready.splice(at, 1);
    if (all.delete(session)) void session.close();
  }

  function offer(session: Session): void {
    session.taken = next.handOver(session);
    if (!session.taken) ready.push(session);
  }

  async function nextSession(signal: AbortSignal): Promise<Session | undefined> {
    if (signal.aborted) return undefined;
    const session = ready.shift();
    if (!session) return next.wait(signal);
    session.taken = true;
    return session;
  }

  async function receive(signal: AbortSignal): Promise<HeldEvent | undefined> {
    const session = await nextSession(signal);
    if (!session) {
      if (!signal.aborted && (await silence.isDead())) startAnew();
      return undefined;
    }
    const message = signal.aborted ? undefined : await receiveFrom(session);
    session.taken = false;
    if (message) silence.came();
    if (session.lost) return undefined;
    const isOver = !message || session.received >= MESSAGES_A_TURN;
    if (!isOver) offer(session);
    else if (session.unsettled === 0) letGo(session);
    return message && hold(session, message);
  }

  async function receiveFrom(session: Session): Promise<ServiceBusReceivedMessage | undefined> {
    try {
      return await session.receive(next.othersWait ? CROWDED_WAIT_MS : IDLE_WAIT_MS);
    } catch (error) {
      const { code, message } = lastOf(error) as { code?: unknown; message: string };
      log.debug({ code: 'LockLost', reason: message }, 'a session was lost');
      // All sessions of a connection that is cut end with the same code; the next would be asked of a client that hangs.
      const isLockLost = code === 'SessionLockLost' && !/AMQP connection/.test(message);
      if (isLockLost || (code && !/connection/i.test(message))) return undefined;
      clients.replace(session.client);
      throw lastOf(error);
    }
  }

  function hold(session: Session, message: ServiceBusReceivedMessage): HeldEvent {
    const { sequenceNumber } = message;
    held.add(sequenceNumber, session.lock);
    return {
      ...factsOf(message),
      sessionId: session.id,
      lock: session.lock,
      async settle(settlement) {
        await session.settle(message, settlement);
        held.settled(sequenceNumber);
        session.unsettled -= 1;
        // Nobody receives from it and nobody will: its turn was over.
        if (session.unsettled === 0 && !session.taken && !ready.includes(session)) letGo(session);
      },
    };
  }

  /**
   * What ran out is forgotten. What this process does not use goes back, as while no slot is free and nobody receives. And
   * what waited for settlements for a while is looked at again: more may have come for it.
   */
  const tidying = setInterval(() => {
    const now = Date.now();
    for (const session of all)
      if (now >= session.lock.lockedUntilMs) session.lose();
      else if (!session.taken && now - session.usedAtMs > IDLE_WAIT_MS) {
        if (session.unsettled === 0) letGo(session);
        else if (session.received < MESSAGES_A_TURN && !ready.includes(session)) offer(session);
      }
  }, TIDY_MS);
  tidying.unref();

  return {
    parallelReceives: Math.min(MAX_SESSIONS, options.maxConcurrency, options.maxLockedEvents),
    mostAtOnce: 1,
    async receive(signal) {
      const held = await receive(signal);
      return held ? [held] : [];
    },
    probe: () =>
      watch.call('service-bus', 'probe', async () => {
        const fresh = entity.connect();
        const keeper = openReceiver(fresh, entity);
        try {
          await fresh.call(() => peekOldest(keeper, PROBE_DEADLINE_MS));
        } catch (error) {
          void fresh.close();
          throw serviceBusFailure('a peek', error);
        }
        startAnew(fresh);
      }),
    oldestEnqueuedAtMs() {
      const { current } = clients;
      const keeper = openReceiver(current, entity);
      return current.call(() => oldestEnqueuedAt(keeper));
    },
    reconnect: () => startAnew(),
    async close() {
      clearInterval(tidying);
      next.end();
      await Promise.all(
        [...all].map((session) => withDeadline(CLOSE_MS, 'closing', session.close).catch(() => undefined)),
      );
      await clients.close();
    },
  };
}
