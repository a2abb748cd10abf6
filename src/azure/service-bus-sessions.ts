import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import type { EventSource, HeldEvent, Log } from '../pipeline/ports.ts';
import type { Watch } from '../pipeline/watch.ts';
import { DeadlineError, withDeadline } from './deadline.ts';
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
import { makeSession, type Session } from './service-bus-session.ts';
import { factsOf, serviceBusFailure } from './service-bus-settlement.ts';
import { makeWatch } from './service-bus-watch.ts';

/** Each session has a link of its own. */
const MAX_SESSIONS = 128;
/** After so many messages a session is let go when they are settled, so that the others get their turn. */
const MESSAGES_A_TURN = 200;
/** How long an idle session is waited for while others are known to wait. */
const CROWDED_WAIT_MS = 100;
/** A session that is granted so soon was there before it was asked for: there may be more. */
const AT_ONCE_MS = 250;
/** How long to wait for a session that only shows that there may be one. */
const ASK_MS = 2_000;
const PROBE_DEADLINE_MS = 4_000;
/** As the client's own; it takes no signal while it waits for a session. */
const ACCEPT_DEADLINE_MS = 15_000;
const TIDY_MS = 500;
const CLOSE_MS = 1_000;

export type SessionsOptions = {
  maxConcurrency: number;
  maxLockedEvents: number;
  silenceMs: number;
  log: Log;
  watch: Watch;
};

/** A receive that waits for a session to receive from. */
type Waiter = { resolve(session: Session | undefined): void; reject(error: unknown): void };

/** The answers of a broker that has no session to give: none is free, or another receiver was faster. */
const noSession = new Set<unknown>(['ServiceTimeout', 'SessionCannotBeLocked']);
const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

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
    return noSession.has(codeOf(error));
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
  const waiters: Waiter[] = [];
  let accepting = 0;
  const held = makeHeldSequences(options.maxLockedEvents);
  let current = entity.connect();
  let othersWait = false;
  let closed = false;
  const silence = makeWatch({
    silenceMs: options.silenceMs,
    log,
    oldest: () => {
      const keeper = openReceiver(current, entity);
      return current.call(() => peekOldest(keeper, PROBE_DEADLINE_MS, held.has));
    },
  });

  function letGo(session: Session): void {
    const at = ready.indexOf(session);
    if (at >= 0) ready.splice(at, 1);
    if (all.delete(session)) void session.close();
  }

  /** To the first who waits for a session. */
  function offer(session: Session): void {
    const waiter = waiters.shift();
    session.taken = waiter !== undefined;
    if (waiter) waiter.resolve(session);
    else ready.push(session);
  }

  function nextSession(signal: AbortSignal): Promise<Session | undefined> {
    if (signal.aborted) return Promise.resolve(undefined);
    const session = ready.shift();
    if (session) {
      session.taken = true;
      return Promise.resolve(session);
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        const at = waiters.indexOf(waiter);
        if (at >= 0) waiters.splice(at, 1);
        resolve(undefined);
      };
      const waiter: Waiter = {
        resolve(next) {
          signal.removeEventListener('abort', leave);
          resolve(next);
        },
        reject(error) {
          signal.removeEventListener('abort', leave);
          reject(error);
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      waiters.push(waiter);
      if (accepting < waiters.length) void accept();
    });
  }

  /** Asks for a session until one is granted or none has come. Goes on when the one who asked has got another or has left. */
  async function accept(): Promise<void> {
    accepting += 1;
    const asked = current;
    const startedMs = performance.now();
    const granting = asked
      .call((client) => client.acceptNextSession(topic, subscription, { maxAutoLockRenewalDurationInMs: 0 }))
      .then((receiver) => makeSession(receiver, asked, lockTimes, letGo, watch));
    try {
      const session = await withDeadline(ACCEPT_DEADLINE_MS, 'the next session', () => granting);
      othersWait = performance.now() - startedMs < AT_ONCE_MS;
      if (closed) return void session.close();
      all.add(session);
      offer(session);
    } catch (error) {
      othersWait = false;
      if (noSession.has(codeOf(error))) return waiters.shift()?.resolve(undefined);
      // One that is granted too late goes back at once.
      if (error instanceof DeadlineError)
        granting.then(
          (late) => late.close(),
          () => undefined,
        );
      replace(asked, () => entity.connect());
      waiters.shift()?.reject(lastOf(error));
    } finally {
      accepting -= 1;
    }
  }

  /** The former client lives on with its sessions, as far as they do. */
  function replace(former: Client, by: () => Client): void {
    if (former !== current || closed) return;
    current = by();
    const isUsed = (): boolean => [...all].some(({ client }) => client === former);
    const close = (): void => {
      if (isUsed() && !closed) setTimeout(close, IDLE_WAIT_MS).unref();
      else void former.close();
    };
    close();
  }

  async function receive(signal: AbortSignal): Promise<HeldEvent | undefined> {
    const session = await nextSession(signal);
    if (!session) {
      if (!signal.aborted && (await silence.isDead())) replace(current, () => entity.connect());
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
      return await session.receive(othersWait ? CROWDED_WAIT_MS : IDLE_WAIT_MS);
    } catch (error) {
      log.debug({ code: 'LockLost', reason: (error as Error).message }, 'a session was lost');
      // All sessions of a connection that is cut end with the same code; the next would be asked of a client that hangs.
      if (codeOf(error) === 'SessionLockLost' && !/AMQP connection/.test((error as Error).message))
        return undefined;
      if (!(error as { code?: unknown }).code || /connection/i.test((error as Error).message)) {
        replace(session.client, () => entity.connect());
        throw lastOf(error);
      }
      return undefined;
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
        if (closed) return void fresh.close();
        replace(current, () => fresh);
      }),
    oldestEnqueuedAtMs() {
      const keeper = openReceiver(current, entity);
      return current.call(() => oldestEnqueuedAt(keeper));
    },
    reconnect: () => replace(current, () => entity.connect()),
    async close() {
      closed = true;
      clearInterval(tidying);
      for (const waiter of waiters.splice(0)) waiter.resolve(undefined);
      await Promise.all(
        [...all].map((session) => withDeadline(CLOSE_MS, 'closing', session.close).catch(() => undefined)),
      );
      await current.close();
    },
  };
}
