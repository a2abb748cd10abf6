import { DeadlineError, withDeadline } from './deadline.ts';
import { lastOf } from './last-error.ts';
import type { Client } from './service-bus-client.ts';
import type { Session } from './service-bus-session.ts';
import type { Succession } from './service-bus-succession.ts';

/** A session that is granted so soon was there before it was asked for: there may be more. */
const AT_ONCE_MS = 250;
/** As the client's own; it takes no signal while it waits for a session, and may never answer if its connection is cut meanwhile. */
const ACCEPT_DEADLINE_MS = 15_000;

/** The answers of a broker that has no session to give: none is free, or another receiver was faster. */
const noSession = new Set<unknown>(['ServiceTimeout', 'SessionCannotBeLocked']);
export const isNoSession = (error: unknown): boolean => noSession.has((error as { code?: unknown }).code);

/** A receive that waits for a session to receive from. */
type Waiter = { resolve(session: Session | undefined): void; reject(error: unknown): void };

export type NextSession = {
  /** The next that is granted or handed over; undefined: there is none, or `signal` aborts. @throws the client's error */
  wait(signal: AbortSignal): Promise<Session | undefined>;
  /** Gives a session to the first who waits for one, if anybody does. */
  handOver(session: Session): boolean;
  /** Asks for those who wait once more, over the current client: what a former one was asked may never be answered. */
  askAgain(): void;
  isAsked(client: Client): boolean;
  /** The last one was there before it was asked for. */
  readonly othersWait: boolean;
  /** Whoever waits gets none, and what is granted from now on goes back at once. */
  end(): void;
};

/**
 * Those who wait for a session, and the questions for one that are under way: over the current client one for each who
 * waits. A question goes on when its asker has got another session or has left; what it is granted then is `onGranted`
 * all the same.
 */
export function makeNextSession(
  clients: Succession,
  grant: (client: Client) => Promise<Session>,
  onGranted: (session: Session) => void,
): NextSession {
  const waiters: Waiter[] = [];
  const asked = new Map<Client, number>();
  let othersWait = false;
  let ended = false;
  const askedOf = (client: Client): number => asked.get(client) ?? 0;

  async function ask(client: Client): Promise<void> {
    asked.set(client, askedOf(client) + 1);
    const startedMs = performance.now();
    const granting = grant(client);
    try {
      const session = await withDeadline(ACCEPT_DEADLINE_MS, 'the next session', () => granting);
      othersWait = performance.now() - startedMs < AT_ONCE_MS;
      if (ended) void session.close();
      else onGranted(session);
    } catch (error) {
      othersWait = false;
      // One that is granted too late goes back at once.
      if (error instanceof DeadlineError)
        granting.then(
          (late) => late.close(),
          () => undefined,
        );
      failed(client, error);
    } finally {
      if (askedOf(client) > 1) asked.set(client, askedOf(client) - 1);
      else asked.delete(client);
    }
  }

  function failed(client: Client, error: unknown): void {
    const { current } = clients;
    // All who wait have been asked for over another one by now.
    if (client !== current && askedOf(current) >= waiters.length) return;
    const waiter = waiters.shift();
    if (isNoSession(error)) waiter?.resolve(undefined);
    else {
      clients.replace(client);
      waiter?.reject(lastOf(error));
    }
  }

  function askAgain(): void {
    const { current } = clients;
    while (askedOf(current) < waiters.length) void ask(current);
  }

  return {
    wait: (signal) =>
      new Promise((resolve, reject) => {
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
        askAgain();
      }),
    handOver(session) {
      const waiter = waiters.shift();
      waiter?.resolve(session);
      return waiter !== undefined;
    },
    askAgain,
    isAsked: (client) => askedOf(client) > 0,
    get othersWait() {
      return othersWait;
    },
    end() {
      ended = true;
      for (const waiter of waiters.splice(0)) waiter.resolve(undefined);
    },
  };
}
