import type { TurnEvent } from '../history/event.ts';
import { backOff } from './back-off.ts';
import { Failure, type FailureCode } from './failures.ts';
import type { LockKeeper } from './locks.ts';
import type { Clock, HeldEvent, Log, Settlement } from './ports.ts';
import type { EventOutcome, EventWatch } from './watch.ts';

/** An event in hand. `settled` says that its fate is decided, or out of our hands. */
export type Work = {
  held: HeldEvent;
  watch: EventWatch;
  event: TurnEvent;
  /** Of the conversation. */
  key: string;
  /** In which lane it is worked: its conversation's, or its session's. */
  lane: string;
  receivedAtMs: number;
  waits: number;
  /** When its turn was first looked for in vain. */
  missedAtMs: number | undefined;
  settled: boolean;
};

export type Settled = {
  messageId: string | undefined;
  sessionId: string;
  userId: string;
  chatMessageId: string;
  settlement: Settlement;
  receivedAtMs: number;
  deliveryCount: number;
};

export type HandOptions = {
  clock: Clock;
  log: Log;
  locks: LockKeeper;
  /** Told of every settlement that Service Bus took. */
  onSettled?: ((settled: Settled) => void) | undefined;
  /** Told whenever an event has met its fate, and of the first one in an empty hand: nothing has stood still until then. */
  onMoved?: (() => void) | undefined;
  /** An error that no rule knows: the process cannot go on. */
  onFatal: (error: unknown) => void;
};

export type Hand = {
  /** Keeps the event's lock from now on. `done` is called once, when it is settled or its lock is lost. */
  take(work: Work, done: () => void): void;
  /** Settles once: a second call does nothing, nor does one after the lock was lost. Never rejects. */
  settle(work: Work, settlement: Settlement): Promise<void>;
  /** Waits until the hand is empty; at the time-out, or when told to hurry, abandons what is left. Answers how many those were. */
  empty(timeoutMs: number, hurry?: AbortSignal): Promise<number>;
  readonly size: number;
};

/** How long abandoning may take after the time-out. */
const HAND_BACK_MS = 2_000;

/** The events that this process holds, their locks, and their settlement. */
export function makeHand({ clock, log, locks, onSettled, onMoved, onFatal }: HandOptions): Hand {
  const works = new Map<Work, () => void>();
  const waitingForEmpty: (() => void)[] = [];
  const ended = new WeakSet<Work>();
  let over = false;

  /** Once: a lock may be lost while the settlement is on its way. */
  function end(work: Work, outcome: EventOutcome): void {
    if (ended.has(work)) return;
    ended.add(work);
    onMoved?.();
    work.watch.ended(outcome);
  }

  function release(work: Work): void {
    locks.release(work.held);
    const done = works.get(work);
    if (!works.delete(work)) return;
    done?.();
    if (works.size === 0) for (const resolve of waitingForEmpty.splice(0)) resolve();
  }

  /** Tries for as long as the lock lives. @throws Failure the last one */
  async function settleUntilTaken({ held }: Work, settlement: Settlement): Promise<void> {
    for (let failures = 0; ; failures += 1) {
      try {
        return await held.settle(settlement);
      } catch (error) {
        const again =
          error instanceof Failure &&
          error.code !== 'LockLost' &&
          clock.now() < held.lock.lockedUntilMs &&
          !over;
        if (!again) throw error;
        await clock.sleep(backOff(failures, clock));
      }
    }
  }

  function report({ event, held, receivedAtMs }: Work, settlement: Settlement): void {
    const { sessionId, userId, chatMessageId } = event;
    const { messageId, deliveryCount } = held;
    onSettled?.({ messageId, sessionId, userId, chatMessageId, settlement, receivedAtMs, deliveryCount });
  }

  async function settle(work: Work, settlement: Settlement): Promise<void> {
    if (work.settled) return;
    work.settled = true;
    await work.watch.run('settle', () => settleWatched(work, settlement));
  }

  async function settleWatched(work: Work, settlement: Settlement): Promise<void> {
    try {
      await settleUntilTaken(work, settlement);
      end(work, outcomeOf(settlement));
      report(work, settlement);
      if (settlement.kind === 'dead-letter')
        log.warn(
          { code: settlement.reason, ...idsOf(work), reason: settlement.description },
          'event dead-lettered',
        );
    } catch (error) {
      end(work, { kind: 'lost', code: error instanceof Failure ? error.code : 'UnhandledError' });
      if (!(error instanceof Failure)) return onFatal(error);
      // The event comes again after its lock, and merging again changes nothing.
      log.warn({ code: error.code, ...idsOf(work), reason: error.message }, 'settlement failed');
    } finally {
      release(work);
    }
  }

  return {
    settle,
    take(work, done) {
      if (works.size === 0) onMoved?.();
      works.set(work, done);
      const lost = (): void => {
        work.settled = true;
        work.watch.say(() =>
          log.warn({ code: 'LockLost', ...idsOf(work) }, 'a lock was lost: the event will come again'),
        );
        end(work, { kind: 'lost', code: 'LockLost' });
        release(work);
      };
      locks.keep(work.held, lost, work.watch);
    },
    async empty(timeoutMs, hurry) {
      const emptied = new Promise<void>((resolve) => {
        if (works.size === 0) resolve();
        else waitingForEmpty.push(resolve);
      });
      const late = new AbortController();
      const wait = hurry ? AbortSignal.any([late.signal, hurry]) : late.signal;
      await Promise.race([emptied, clock.sleep(timeoutMs, wait)]);
      late.abort();
      const rest = [...works.keys()];
      for (const work of rest) void settle(work, { kind: 'abandon' });
      // Also for a settlement that was under way by then. Where Service Bus does not answer they come again after their locks: a
      // deadline is not stretched for it.
      await Promise.race([emptied, clock.sleep(HAND_BACK_MS)]);
      over = true;
      for (const work of works.keys()) end(work, { kind: 'lost', code: 'SettlementFailed' });
      return rest.length;
    },
    get size() {
      return works.size;
    },
  };
}

function outcomeOf(settlement: Settlement): EventOutcome {
  if (settlement.kind !== 'dead-letter') return settlement;
  return { kind: 'dead-letter', code: settlement.reason as FailureCode };
}

/** What a log line says of an event. */
export function idsOf({ event, held }: Work): Record<string, unknown> {
  const { sessionId, userId, chatMessageId } = event;
  return { sessionId, userId, chatMessageId, messageId: held.messageId };
}
