import type {
  ServiceBusClient,
  ServiceBusReceivedMessage,
  ServiceBusSessionReceiver,
} from '@azure/service-bus';
import { Failure } from '../pipeline/failures.ts';
import type { EventSource, HeldEvent, Lock, Log } from '../pipeline/ports.ts';
import { withDeadline } from './deadline.ts';
import { type Entity, IDLE_WAIT_MS, openReceiver, peekOldest } from './service-bus-client.ts';
import { makeHeldSequences } from './service-bus-held.ts';
import { makeLockTimes } from './service-bus-locks.ts';
import {
  factsOf,
  RENEW_DEADLINE_MS,
  SETTLE_DEADLINE_MS,
  serviceBusFailure,
  settleOver,
} from './service-bus-settlement.ts';
import { makeWatch } from './service-bus-watch.ts';

/** Each session has a link of its own. */
const MAX_SESSIONS = 128;
/** After so many messages a session is let go when they are settled, so that the others get their turn. */
const MESSAGES_A_TURN = 200;
/** How long to wait for a session that only shows that there may be one. */
const ASK_MS = 2_000;
const PROBE_DEADLINE_MS = 4_000;
/** As the client's own; it takes no signal while it waits for a session. */
const ACCEPT_DEADLINE_MS = 15_000;

export type SessionsOptions = {
  maxConcurrency: number;
  maxLockedEvents: number;
  silenceMs: number;
  log: Log;
};

/** One session that this process holds. On nobody's list while a receive on it is under way. */
type Session = {
  receiver: ServiceBusSessionReceiver;
  lock: Lock;
  unsettled: number;
  received: number;
  /** The lock is lost or the link is gone, which is the same: nothing of it can be settled any more. */
  lost: boolean;
};

/** The answers of a broker that has no session to give: none is free, or another receiver was faster. */
const noSession = new Set<unknown>(['ServiceTimeout', 'SessionCannotBeLocked']);
const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

/** Whether the subscription is one of sessions: only then does it answer the wish for one, if only that there is none. */
export async function requiresSessions({ connect, topic, subscription }: Entity): Promise<boolean> {
  const client = connect(ASK_MS);
  try {
    const session = await client.acceptNextSession(topic, subscription, {
      maxAutoLockRenewalDurationInMs: 0,
    });
    await session.close();
    return true;
  } catch (error) {
    return noSession.has(codeOf(error));
  } finally {
    await client.close();
  }
}

/**
 * Receives from many sessions at once, in order within each: a receive takes a session that is held already, or the next
 * one. A session with nothing left to receive or to settle is let go.
 */
export function receiveFromSessions(entity: Entity, options: SessionsOptions): EventSource {
  const { topic, subscription } = entity;
  const { log } = options;
  const lockTimes = makeLockTimes();
  const ready: Session[] = [];
  const all = new Set<Session>();
  const held = makeHeldSequences(options.maxLockedEvents);
  let client = entity.connect();
  const watch = makeWatch({
    silenceMs: options.silenceMs,
    log,
    oldest: () => peekOldest(openReceiver(client, entity), PROBE_DEADLINE_MS, held.has),
  });

  function lose(session: Session): void {
    session.lost = true;
    // The keeper of locks finds it over at its next look, and stops the work on its events.
    session.lock.lockedUntilMs = 0;
    letGo(session);
  }

  function letGo(session: Session): void {
    if (!all.delete(session)) return;
    session.receiver.close().catch((error: Error) => log.debug({ reason: error.message }, 'a session link'));
  }

  function makeSession(receiver: ServiceBusSessionReceiver): Session {
    const session: Session = {
      receiver,
      unsettled: 0,
      received: 0,
      lost: false,
      lock: {
        lockedUntilMs: lockTimes(receiver.sessionLockedUntilUtc),
        async renew() {
          if (session.lost) throw new Failure('LockLost', 'the session is lost');
          try {
            const renewal = () => receiver.renewSessionLock();
            return lockTimes(await withDeadline(RENEW_DEADLINE_MS, 'a session lock renewal', renewal));
          } catch (error) {
            const failure = serviceBusFailure('session lock renewal', error);
            if (failure.code === 'LockLost' || receiver.isClosed) lose(session);
            throw failure;
          }
        },
      },
    };
    all.add(session);
    return session;
  }

  async function accept(signal: AbortSignal): Promise<Session | undefined> {
    const asked = client;
    const accepting = withDeadline(ACCEPT_DEADLINE_MS, 'the next session', () =>
      asked.acceptNextSession(topic, subscription, { maxAutoLockRenewalDurationInMs: 0 }),
    ).then(makeSession);
    const stopped = new Promise<undefined>((resolve) => {
      if (signal.aborted) resolve(undefined);
      signal.addEventListener('abort', () => resolve(undefined), { once: true });
    });
    try {
      const session = await Promise.race([accepting, stopped]);
      // One that is granted after all goes back at once; that there is none is what was hoped for.
      if (!session) accepting.then(letGo, () => undefined);
      return session;
    } catch (error) {
      if (noSession.has(codeOf(error))) return undefined;
      if (client === asked) replaceClient(entity.connect());
      throw error;
    }
  }

  /** The former client lives on with its sessions, as far as they do; it ends by itself with the last of them. */
  function replaceClient(by: ServiceBusClient): void {
    const former = client;
    const sessions = [...all];
    client = by;
    const close = (): void => {
      if (sessions.some((session) => all.has(session))) return void setTimeout(close, IDLE_WAIT_MS).unref();
      former.close().catch((error: Error) => log.debug({ reason: error.message }, 'a former client'));
    };
    close();
  }

  async function receive(signal: AbortSignal): Promise<HeldEvent | undefined> {
    const session = ready.shift() ?? (await accept(signal));
    if (!session) {
      if (!signal.aborted && (await watch.isDead())) replaceClient(entity.connect());
      return undefined;
    }
    const isTired = session.received >= MESSAGES_A_TURN;
    const message = await (isTired ? nextTurn(session) : receiveOne(session, signal));
    if (session.lost) return undefined;
    if (!message && session.unsettled === 0) {
      letGo(session);
      return undefined;
    }
    ready.push(session);
    return message && hold(session, message);
  }

  async function receiveOne(
    session: Session,
    signal: AbortSignal,
  ): Promise<ServiceBusReceivedMessage | undefined> {
    if (signal.aborted || session.lost) return undefined;
    try {
      const [message] = await session.receiver.receiveMessages(1, { maxWaitTimeInMs: IDLE_WAIT_MS });
      return message;
    } catch (error) {
      lose(session);
      log.debug({ code: 'LockLost', reason: (error as Error).message }, 'a session was lost');
      return undefined;
    }
  }

  /** Nothing more is received from it: it only waits for its events to be settled. */
  async function nextTurn(session: Session): Promise<undefined> {
    if (session.unsettled > 0) await new Promise((resolve) => setTimeout(resolve, IDLE_WAIT_MS / 20));
  }

  function hold(session: Session, message: ServiceBusReceivedMessage): HeldEvent {
    const { sequenceNumber } = message;
    watch.came();
    held.add(sequenceNumber, session.lock);
    session.unsettled += 1;
    session.received += 1;
    session.lock.lockedUntilMs = Math.max(session.lock.lockedUntilMs, lockTimes(message.lockedUntilUtc));
    let open = true;
    return {
      ...factsOf(message),
      sessionId: session.receiver.sessionId,
      lock: session.lock,
      async settle(settlement) {
        if (session.lost) throw new Failure('LockLost', `${settlement.kind}: the session is lost`);
        try {
          await withDeadline(SETTLE_DEADLINE_MS, 'a settlement', () =>
            settleOver(session.receiver, message, settlement),
          );
          if (open) session.unsettled -= 1;
          open = false;
          held.settled(sequenceNumber);
        } catch (error) {
          const failure = serviceBusFailure(settlement.kind, error);
          if (failure.code === 'LockLost' || session.receiver.isClosed) {
            lose(session);
            throw new Failure('LockLost', failure.message, { cause: error });
          }
          throw failure;
        }
      },
    };
  }

  return {
    parallelReceives: Math.min(MAX_SESSIONS, options.maxConcurrency, options.maxLockedEvents),
    receive,
    async probe() {
      const fresh = entity.connect();
      try {
        await peekOldest(openReceiver(fresh, entity), PROBE_DEADLINE_MS);
      } catch (error) {
        await fresh.close();
        throw serviceBusFailure('a peek', error);
      }
      replaceClient(fresh);
    },
    reconnect: () => replaceClient(entity.connect()),
    async close() {
      await Promise.allSettled([...all].map(({ receiver }) => receiver.close()));
      await client.close();
    },
  };
}
