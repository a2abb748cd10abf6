import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import type { EventSource, HeldEvent, Log } from '../pipeline/ports.ts';
import { withDeadline } from './deadline.ts';
import { type Client, type Entity, IDLE_WAIT_MS, openReceiver, peekOldest } from './service-bus-client.ts';
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
};

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
 * one. A session with nothing left to receive or to settle is let go; one that waits only for settlements takes no receive.
 */
export function receiveFromSessions(entity: Entity, options: SessionsOptions): EventSource {
  const { topic, subscription } = entity;
  const { log } = options;
  const lockTimes = makeLockTimes();
  /** Those on which nobody receives just now and somebody may; the longest unused first. */
  const ready: Session[] = [];
  const all = new Set<Session>();
  const held = makeHeldSequences(options.maxLockedEvents);
  let current = entity.connect();
  let othersWait = false;
  let closed = false;
  const watch = makeWatch({
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

  async function accept(signal: AbortSignal): Promise<Session | undefined> {
    const asked = current;
    const startedMs = performance.now();
    const accepting = asked
      .call((client) => client.acceptNextSession(topic, subscription, { maxAutoLockRenewalDurationInMs: 0 }))
      .then((receiver) => makeSession(receiver, asked, lockTimes, letGo));
    const stopped = new Promise<undefined>((resolve) => {
      if (signal.aborted) resolve(undefined);
      signal.addEventListener('abort', () => resolve(undefined), { once: true });
    });
    let session: Session | undefined;
    try {
      session = await withDeadline(ACCEPT_DEADLINE_MS, 'the next session', () =>
        Promise.race([accepting, stopped]),
      );
      othersWait = performance.now() - startedMs < AT_ONCE_MS;
      if (session) all.add(session);
      return session;
    } catch (error) {
      othersWait = false;
      if (noSession.has(codeOf(error))) return undefined;
      replace(asked, () => entity.connect());
      throw error;
    } finally {
      // One that is granted after all goes back at once; that there is none is what was hoped for.
      if (!session)
        accepting.then(
          (late) => late.close(),
          () => undefined,
        );
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
    const session = ready.shift() ?? (await accept(signal));
    if (!session) {
      if (!signal.aborted && (await watch.isDead())) replace(current, () => entity.connect());
      return undefined;
    }
    const message = signal.aborted ? undefined : await receiveFrom(session);
    if (message) watch.came();
    if (session.lost) return undefined;
    const isOver = !message || session.received >= MESSAGES_A_TURN;
    if (!isOver) ready.push(session);
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
        throw error;
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
        if (session.unsettled === 0 && !session.receiving && !ready.includes(session)) letGo(session);
      },
    };
  }

  /** While no slot is free nobody receives: what this process does not use goes back, and what ran out is forgotten. */
  const tidying = setInterval(() => {
    const now = Date.now();
    for (const session of all)
      if (now >= session.lock.lockedUntilMs) session.lose();
      else if (session.unsettled === 0 && !session.receiving && now - session.usedAtMs > IDLE_WAIT_MS)
        letGo(session);
  }, TIDY_MS);
  tidying.unref();

  return {
    parallelReceives: Math.min(MAX_SESSIONS, options.maxConcurrency, options.maxLockedEvents),
    receive,
    async probe() {
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
    },
    reconnect: () => replace(current, () => entity.connect()),
    async close() {
      closed = true;
      clearInterval(tidying);
      await Promise.all(
        [...all].map((session) => withDeadline(CLOSE_MS, 'closing', session.close).catch(() => undefined)),
      );
      await current.close();
    },
  };
}
