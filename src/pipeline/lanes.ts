import { parseEvent, type TurnEvent } from '../history/event.ts';
import { backOff } from './back-off.ts';
import { keyOf } from './conversation-key.ts';
import { Failure } from './failures.ts';
import type { Gates } from './gates.ts';
import { type HandOptions, idsOf, makeHand, type Work } from './hand.ts';
import { type Persisted, type PersistPorts, persist } from './persist.ts';
import type { HeldEvent, Settlement } from './ports.ts';
import type { Recent } from './recent.ts';
import { makeSlots } from './slots.ts';
import { makeThrottle } from './throttle.ts';
import { makeUnstored } from './unstored.ts';
import { unwatched, type Watch } from './watch.ts';

type Lane = { waiting: Work[]; running: boolean };

export type LaneOptions = PersistPorts &
  HandOptions & {
    maxConcurrency: number;
    turnWaitMs: number;
    /** Of conversations that were read and could not be stored. */
    keptBytes: number;
    recent: Recent;
    gates: Gates;
    watch?: Watch | undefined;
  };

export type Lanes = {
  /** Takes an event in hand. `done` is called once, when it is settled or its lock is lost. */
  accept(held: HeldEvent, done: () => void): void;
  /** Hands back what was not begun, finishes what was, and abandons what is left at the deadline, or when told to hurry. */
  drain(timeoutMs: number, hurry?: AbortSignal): Promise<{ abandoned: number }>;
  readonly inHand: number;
};

/**
 * One lane a conversation: its events are never worked against each other. Those that wait when a read of Redis is
 * about to be issued are covered by it, by the one write that follows, and settled together; later ones make
 * another round. Where the subscription has sessions it is one lane a session, worked in the session's order: a round
 * then takes the events of one conversation that stand together at the front.
 */
export function makeLanes(options: LaneOptions): Lanes {
  const { clock, log, recent, gates, watch = unwatched } = options;
  const lanes = new Map<string, Lane>();
  const slots = makeSlots(options.maxConcurrency);
  const throttle = makeThrottle(slots, clock);
  const hand = makeHand(options);
  const unstored = makeUnstored(options.keptBytes);
  const stopping = new AbortController();
  const settleAll = (works: readonly Work[], settlement: Settlement): void => {
    for (const work of works) void hand.settle(work, settlement);
  };

  function enqueue(works: readonly Work[]): void {
    const { lane: key } = works[0]!;
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
      settleAll(lane.waiting.splice(0), { kind: 'abandon' });
      options.onFatal(error);
    });
  }

  async function run(key: string, lane: Lane): Promise<void> {
    lane.running = true;
    let failures = 0;
    while (lane.waiting.length > 0) {
      await gates.opened(stopping.signal);
      await slots.take();
      let delayMs: number | undefined;
      try {
        delayMs = await round(takeTogether(lane), lane, failures);
      } finally {
        slots.give();
        options.onMoved?.();
      }
      failures = delayMs === undefined ? 0 : failures + 1;
      // Outside the slot: a conversation that waits for a service holds up no other.
      if (delayMs !== undefined) await gates.patience(delayMs, stopping.signal);
    }
    lane.running = false;
    lanes.delete(key);
  }

  /** One round of a lane. Answers how long to stay away before the next, if the services could not be had. */
  async function round(works: Work[], lane: Lane, failures: number): Promise<number | undefined> {
    if (stopping.signal.aborted) {
      settleAll(works, { kind: 'abandon' });
      return undefined;
    }
    const isCovered = (work: Work): boolean => recent.covers(work.key, work.event, work.held.enqueuedAtMs);
    const covered = works.filter(isCovered);
    for (const work of covered) work.watch.durable();
    settleAll(covered, { kind: 'complete' });
    const left = works.filter((work) => !work.settled);
    if (left.length === 0) return undefined;
    const { key, event } = left[0]!;
    try {
      const events = left.map((work) => work.event);
      const isWanted = (): boolean => left.some((work) => !work.settled);
      const result = await watch.round(
        left.map((work) => work.watch),
        (note) => persist(event, events, { ...options, note }, isWanted, unstored.of(key)),
      );
      gates.worked(result.history !== undefined);
      throttle.worked();
      if (result.history) recent.note(key, result.history, result.readAtMs);
      conclude(left, result);
      return undefined;
    } catch (error) {
      if (!(error instanceof Failure)) {
        settleAll(left, { kind: 'abandon' });
        throw error;
      }
      recent.forget(key);
      // Nothing is left of this round: each of its events has been reported lost.
      if (error.code === 'LockLost') return undefined;
      gates.failed(key, error);
      if (error.code === 'StoreThrottled') throttle.throttled(failures + 1);
      left[0]!.watch.say(() =>
        log.warn(
          { code: error.code, ...idsOf(left[0]!), events: left.length, reason: error.message },
          'held, to be tried again',
        ),
      );
      lane.waiting.unshift(...left);
      return Math.max(error.retryAfterMs ?? 0, backOff(failures, clock));
    }
  }

  function conclude(works: Work[], { verdicts, readAtMs, titled }: Persisted): void {
    const complete: Work[] = [];
    for (const [index, work] of works.entries()) {
      const verdict = verdicts[index]!;
      const leftMs = verdict.kind === 'wait' ? timeLeft(work, readAtMs, verdict.atMostMs) : 0;
      const decided = verdict.kind === 'wait' ? verdict.otherwise : verdict;
      if (leftMs > 0) waitForTurn(work, leftMs);
      else if (decided.kind === 'complete') complete.push(work);
      else
        void hand.settle(work, {
          kind: 'dead-letter',
          reason: decided.code,
          description: decided.description,
        });
    }
    for (const work of complete) work.watch.durable();
    if (titled) awaitTitle(works[0]!, complete, titled);
    else settleAll(complete, { kind: 'complete' });
  }

  /** The events are settled after the title, in no slot: the lane goes on meanwhile. */
  function awaitTitle(first: Work, complete: Work[], titled: Promise<boolean>): void {
    titled.then(
      (named) => {
        if (named) recent.named(first.key);
        settleAll(complete, { kind: 'complete' });
      },
      (error) => {
        if (!(error instanceof Failure)) return options.onFatal(error);
        gates.failed(first.key, error);
        first.watch.say(() =>
          log.warn(
            { code: error.code, ...idsOf(first), reason: error.message },
            'the title was not stored, to be tried again',
          ),
        );
        if (complete.length > 0) enqueueAfter(Math.max(error.retryAfterMs ?? 0, backOff(3, clock)), complete);
      },
    );
  }

  /** How long a turn was still to be looked for when it was looked for last: a look that takes long is not the last one. */
  function timeLeft(work: Work, readAtMs: number, atMostMs: number): number {
    // From when it was first missed: an outage before that is no time in which it could have shown.
    work.missedAtMs ??= readAtMs;
    return work.missedAtMs + Math.min(options.turnWaitMs, atMostMs) - readAtMs;
  }

  function waitForTurn(work: Work, leftMs: number): void {
    work.waits += 1;
    enqueueAfter(Math.min(leftMs, backOff(work.waits - 1, clock)), [work]);
  }

  function enqueueAfter(delayMs: number, works: readonly Work[]): void {
    clock.sleep(delayMs, stopping.signal).then(() => enqueue(works), options.onFatal);
  }

  return {
    accept(held, done) {
      const parsed = parseEvent(held.body);
      const event = parsed.ok ? parsed.event : { ...nobody, ...parsed.ids };
      // What is no event is of no conversation, whatever it says.
      const key = keyOf(parsed.ok ? parsed.event : nobody);
      const receivedAtMs = clock.now();
      const work: Work = {
        held,
        watch: watch.received(held, parsed.ok ? parsed.event : parsed.ids),
        event,
        key,
        lane: held.sessionId === undefined ? key : `session ${held.sessionId}`,
        receivedAtMs,
        waits: 0,
        missedAtMs: undefined,
        settled: false,
      };
      const leave = unstored.enter(work.key);
      hand.take(work, () => {
        leave();
        done();
      });
      if (parsed.ok) enqueue([work]);
      else
        void hand.settle(work, {
          kind: 'dead-letter',
          reason: parsed.reason,
          description: parsed.description,
        });
    },
    async drain(timeoutMs, hurry) {
      stopping.abort();
      return { abandoned: await hand.empty(timeoutMs, hurry) };
    },
    get inHand() {
      return hand.size;
    },
  };
}

/** Takes the events at the front of a lane that are of one conversation, and forgets those that are out of our hands. */
function takeTogether(lane: Lane): Work[] {
  const waiting = lane.waiting.filter((work) => !work.settled);
  const end = waiting.findIndex((work) => work.key !== waiting[0]!.key);
  lane.waiting = end < 0 ? [] : waiting.slice(end);
  return end < 0 ? waiting : waiting.slice(0, end);
}

const nobody: TurnEvent = { sessionId: '', userId: '', chatMessageId: '', completedAt: '', completedAtMs: 0 };
