import { parseEvent, type TurnEvent } from '../history/event.ts';
import { Failure } from './failures.ts';
import type { LockKeeper } from './locks.ts';
import { keyOf, type PersistPorts, persist, type Verdict } from './persist.ts';
import type { HeldEvent, Log, Settlement } from './ports.ts';
import type { Recent } from './recent.ts';
import { makeSlots } from './slots.ts';

type Work = {
  held: HeldEvent;
  event: TurnEvent;
  key: string;
  receivedAtMs: number;
  waits: number;
  waitUntilMs: number | undefined;
  settled: boolean;
};
type Lane = { waiting: Work[]; running: boolean };

export type LaneOptions = PersistPorts & {
  maxConcurrency: number;
  turnWaitMs: number;
  locks: LockKeeper;
  recent: Recent;
  log: Log;
  /** Told of every settlement that Service Bus took. */
  onSettled?: ((settled: Settled) => void) | undefined;
  /** An error that no rule knows: the process cannot go on. */
  onFatal: (error: unknown) => void;
};

export type Settled = {
  messageId: string | undefined;
  sessionId: string;
  userId: string;
  settlement: Settlement;
  receivedAtMs: number;
  deliveryCount: number;
};

export type Lanes = {
  /** Takes an event in hand. `done` is called once, when it is settled or its lock is lost. */
  accept(held: HeldEvent, done: () => void): void;
  /** Hands back what was not begun, finishes what was, and abandons what is left at the deadline. */
  drain(timeoutMs: number): Promise<{ abandoned: number }>;
  readonly inHand: number;
};

/**
 * One lane a conversation: its events are never worked against each other. Those that wait when a read of Redis is
 * about to be issued are covered by it, by the one write that follows, and settled together; later ones make
 * another round.
 */
export function makeLanes(options: LaneOptions): Lanes {
  const { clock, locks, log, recent } = options;
  const lanes = new Map<string, Lane>();
  const slots = makeSlots(options.maxConcurrency);
  const inHand = new Map<Work, () => void>();
  const stopping = new AbortController();
  let over = false;
  const empty: (() => void)[] = [];

  async function settle(work: Work, settlement: Settlement): Promise<void> {
    if (work.settled) return;
    work.settled = true;
    try {
      await settleUntilTaken(work, settlement);
      const { event, held, receivedAtMs } = work;
      const { sessionId, userId } = event;
      options.onSettled?.({
        messageId: held.messageId,
        sessionId,
        userId,
        settlement,
        receivedAtMs,
        deliveryCount: held.deliveryCount,
      });
      if (settlement.kind === 'dead-letter')
        log.warn(
          { code: settlement.reason, ...idsOf(work), reason: settlement.description },
          'event dead-lettered',
        );
    } catch (error) {
      if (!(error instanceof Failure)) return options.onFatal(error);
      // The event comes again after its lock, and merging again changes nothing.
      log.warn({ code: error.code, ...idsOf(work), reason: error.message }, 'settlement failed');
    } finally {
      release(work);
    }
  }

  /** Tries for as long as the lock lives. @throws Failure the last one */
  async function settleUntilTaken({ held }: Work, settlement: Settlement): Promise<void> {
    for (let failures = 0; ; failures += 1) {
      try {
        return await held.settle(settlement);
      } catch (error) {
        const again =
          error instanceof Failure && error.code !== 'LockLost' && clock.now() < held.lockedUntilMs && !over;
        if (!again) throw error;
        await clock.sleep(backOff(failures));
      }
    }
  }

  function release(work: Work): void {
    locks.release(work.held);
    const done = inHand.get(work);
    if (!inHand.delete(work)) return;
    done?.();
    if (inHand.size === 0) for (const resolve of empty.splice(0)) resolve();
  }

  function enqueue(works: readonly Work[]): void {
    const key = works[0]!.key;
    let lane = lanes.get(key);
    if (!lane) {
      lane = { waiting: [], running: false };
      lanes.set(key, lane);
    }
    lane.waiting.push(...works);
    if (lane.running) return;
    run(key, lane).catch((error) => {
      // The process ends: nobody will run this lane any more, and draining must not wait for it.
      lanes.delete(key);
      for (const work of lane.waiting.splice(0)) void settle(work, { kind: 'abandon' });
      options.onFatal(error);
    });
  }

  async function run(key: string, lane: Lane): Promise<void> {
    lane.running = true;
    let failures = 0;
    while (lane.waiting.length > 0) {
      await slots.take();
      let delayMs: number | undefined;
      try {
        delayMs = await round(
          lane.waiting.splice(0).filter((work) => !work.settled),
          lane,
          failures,
        );
      } finally {
        slots.give();
      }
      failures = delayMs === undefined ? 0 : failures + 1;
      // Outside the slot: a conversation that waits for a service holds up no other.
      if (delayMs !== undefined) await clock.sleep(delayMs, stopping.signal);
    }
    lane.running = false;
    lanes.delete(key);
  }

  /** One round of a lane. Answers how long to stay away before the next, if the services could not be had. */
  async function round(works: Work[], lane: Lane, failures: number): Promise<number | undefined> {
    if (stopping.signal.aborted) {
      for (const work of works) void settle(work, { kind: 'abandon' });
      return undefined;
    }
    const left = works.filter((work) => {
      if (!recent.covers(work.key, work.event, work.held.enqueuedAtMs)) return true;
      void settle(work, { kind: 'complete' });
      return false;
    });
    if (left.length === 0) return undefined;
    const { key, event } = left[0]!;
    try {
      const result = await persist(
        event,
        left.map((work) => work.event),
        options,
      );
      if (result.history) recent.note(key, result.history, result.readAtMs);
      conclude(left, result.verdicts, result.titled);
      return undefined;
    } catch (error) {
      if (!(error instanceof Failure)) {
        for (const work of left) void settle(work, { kind: 'abandon' });
        throw error;
      }
      recent.forget(key);
      log.warn(
        { code: error.code, ...idsOf(left[0]!), events: left.length, reason: error.message },
        'held, to be tried again',
      );
      lane.waiting.unshift(...left);
      return error.retryAfterMs ?? backOff(failures);
    }
  }

  function conclude(works: Work[], verdicts: Verdict[], titled: Promise<boolean> | undefined): void {
    const complete: Work[] = [];
    works.forEach((work, index) => {
      const verdict = verdicts[index]!;
      if (verdict.kind === 'complete') complete.push(work);
      else if (verdict.kind === 'dead-letter') void settle(work, deadLetter(verdict));
      else waitForTurn(work, verdict);
    });
    if (!titled) for (const work of complete) void settle(work, { kind: 'complete' });
    else
      titled.then(
        (named) => {
          if (named) recent.named(works[0]!.key);
          for (const work of complete) void settle(work, { kind: 'complete' });
        },
        (error) => {
          if (!(error instanceof Failure)) return options.onFatal(error);
          log.warn(
            { code: error.code, reason: error.message },
            'the title was not stored, to be tried again',
          );
          clock
            .sleep(error.retryAfterMs ?? backOff(3), stopping.signal)
            .then(() => complete.length > 0 && enqueue(complete), options.onFatal);
        },
      );
  }

  function waitForTurn(work: Work, verdict: Extract<Verdict, { kind: 'wait' }>): void {
    // From when it was first missed: an outage before that is no time in which it could have shown.
    work.waitUntilMs ??= clock.now() + options.turnWaitMs;
    const leftMs = work.waitUntilMs - clock.now();
    if (leftMs <= 0) return void settle(work, deadLetter(verdict));
    const delayMs = Math.min(leftMs, backOff(work.waits));
    work.waits += 1;
    clock.sleep(delayMs, stopping.signal).then(() => enqueue([work]), options.onFatal);
  }

  return {
    accept(held, done) {
      const parsed = parseEvent(held.body);
      const event = parsed.ok ? parsed.event : nobody;
      const work: Work = {
        held,
        event,
        key: keyOf(event),
        receivedAtMs: clock.now(),
        waits: 0,
        waitUntilMs: undefined,
        settled: false,
      };
      inHand.set(work, done);
      locks.keep(held, () => {
        work.settled = true;
        log.warn({ code: 'LockLost', ...idsOf(work) }, 'a lock was lost: the event will come again');
        release(work);
      });
      if (parsed.ok) enqueue([work]);
      else void settle(work, { kind: 'dead-letter', reason: parsed.reason, description: parsed.description });
    },
    async drain(timeoutMs) {
      stopping.abort();
      const drained = new Promise<void>((resolve) => (inHand.size === 0 ? resolve() : empty.push(resolve)));
      const late = new AbortController();
      await Promise.race([drained, clock.sleep(timeoutMs, late.signal)]);
      late.abort();
      const rest = [...inHand.keys()];
      over = true;
      // Where Service Bus does not answer they come again after their locks: a deadline is not stretched for it.
      const handedBack = Promise.all(rest.map((work) => settle(work, { kind: 'abandon' })));
      await Promise.race([handedBack, clock.sleep(HAND_BACK_MS)]);
      return { abandoned: rest.length };
    },
    get inHand() {
      return inHand.size;
    },
  };
}

/** How long abandoning may take after the time-out. */
const HAND_BACK_MS = 2_000;

const nobody: TurnEvent = { sessionId: '', userId: '', chatMessageId: '', completedAt: '', completedAtMs: 0 };

function deadLetter(verdict: { code: string; description: string }): Settlement {
  return { kind: 'dead-letter', reason: verdict.code, description: verdict.description };
}

/** 100 ms, doubled to at most 5 s, with jitter so that many conversations do not come back at once. */
function backOff(failures: number): number {
  return Math.min(5_000, 100 * 2 ** failures) * (0.75 + Math.random() / 4);
}

const idsOf = ({ event, held }: Work): Record<string, unknown> => ({
  sessionId: event.sessionId,
  userId: event.userId,
  chatMessageId: event.chatMessageId,
  messageId: held.messageId,
});
