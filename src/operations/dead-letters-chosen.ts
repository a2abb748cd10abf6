import { DeadlineError, withDeadline } from '../azure/deadline.ts';
import { Failure } from '../pipeline/failures.ts';
import type { EventSource, HeldEvent } from '../pipeline/ports.ts';
import { aborted } from './aborted.ts';

/** What became of a dead letter that was chosen: it is gone, or stays for this reason. */
export type Outcome = { kind: 'completed' } | { kind: 'failed'; reason: string; description: string };

/** A source of those dead letters alone that were chosen, each until it has come to an outcome. */
export type Chosen = EventSource & {
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** Whether each has come to an outcome. */
  readonly isComplete: boolean;
  /** Whether all that can be had has been met since the last one that was chosen. */
  readonly isQuiet: boolean;
  /** Begins to look for more anew: events are still being worked on, and may come again. */
  stir(): void;
  /** How many others were met on the way. */
  readonly passed: number;
  /**
   * Asks for nothing any more, and gives back what was received and not taken out; not all of it, where it is very much, or when
   * told to hurry. Answers how many stay locked until their locks run out. Never rejects.
   */
  finish(hurry: AbortSignal): Promise<number>;
};

/** Each link has come back empty so often. */
const QUIET_ROUNDS = 2;
/** Of more than that the locks run out by themselves. */
const MAX_GIVEN_BACK = 5_000;
const GIVEN_BACK_AT_ONCE = 64;
const GIVE_BACK_MS = 10_000;
/** Longer than a receive takes that brings nothing. */
const RECEIVES_END_MS = 3_000;

/**
 * Receives from the front and passes on what was chosen. Service Bus gives out the oldest first, and what is abandoned is the
 * oldest again. So the others, and what has failed once more, are set aside: they stay under their locks, not renewed, and are
 * given back at the end. One whose lock runs out before that comes again, and is set aside again.
 */
export function chooseFrom(source: EventSource, wanted: ReadonlySet<string>): Chosen {
  const outcomes = new Map<string, Outcome>();
  const setAside = new Map<string, HeldEvent>();
  /** Until when each that was ever set aside is locked. */
  const lockedUntilMs = new Map<string, number>();
  const asked = new Set<Promise<readonly HeldEvent[]>>();
  /** Since the last one that was chosen. */
  let emptyReceives = 0;
  let repeats = 0;
  let finished = false;

  async function giveBack(held: HeldEvent): Promise<void> {
    if (held.lock.lockedUntilMs <= Date.now()) return;
    try {
      await held.settle({ kind: 'abandon' });
      lockedUntilMs.delete(String(held.sequenceNumber));
    } catch (error) {
      // It comes back by itself when its lock runs out.
      if (!(error instanceof Failure)) throw error;
    }
  }

  async function putAside(held: HeldEvent): Promise<void> {
    if (finished) return giveBack(held);
    const sequence = String(held.sequenceNumber);
    if (lockedUntilMs.has(sequence)) repeats += 1;
    lockedUntilMs.set(sequence, held.lock.lockedUntilMs);
    setAside.delete(sequence);
    setAside.set(sequence, held);
    if (setAside.size > MAX_GIVEN_BACK) setAside.delete(setAside.keys().next().value!);
  }

  function handOut(held: HeldEvent): HeldEvent {
    const sequence = String(held.sequenceNumber);
    return {
      ...held,
      async settle(settlement) {
        if (settlement.kind !== 'dead-letter') await held.settle(settlement);
        if (settlement.kind === 'complete') outcomes.set(sequence, { kind: 'completed' });
        if (settlement.kind !== 'dead-letter') return;
        const { reason, description } = settlement;
        outcomes.set(sequence, { kind: 'failed', reason, description });
        await putAside(held);
      },
    };
  }

  const isComplete = (): boolean => outcomes.size === wanted.size;
  const stir = (): void => {
    emptyReceives = 0;
    repeats = 0;
  };

  async function ask(signal: AbortSignal): Promise<HeldEvent | undefined> {
    const asking = source.receive(signal, 1);
    asked.add(asking);
    try {
      return (await asking)[0];
    } finally {
      asked.delete(asking);
    }
  }

  return {
    parallelReceives: source.parallelReceives,
    mostAtOnce: 1,
    async receive(signal) {
      while (!signal.aborted && !finished && !isComplete()) {
        const held = await ask(signal);
        const sequence = String(held?.sequenceNumber);
        if (held && !finished && wanted.has(sequence) && !outcomes.has(sequence)) {
          stir();
          return [handOut(held)];
        }
        if (!held) {
          emptyReceives += 1;
          return [];
        }
        await putAside(held);
      }
      // Whoever asks for more when there is nothing more waits to be told to stop.
      await aborted(signal);
      return [];
    },
    probe: source.probe,
    reconnect: source.reconnect,
    close: source.close,
    outcomes,
    get isComplete() {
      return isComplete();
    },
    get isQuiet() {
      // Where the others are so many that the first come again before the last have been met, all are met in vain once.
      return emptyReceives >= QUIET_ROUNDS * source.parallelReceives || repeats > lockedUntilMs.size;
    },
    stir,
    get passed() {
      return lockedUntilMs.size;
    },
    async finish(hurry) {
      finished = true;
      // What is given back while receives are under way comes straight back over them.
      await atMost(RECEIVES_END_MS, hurry, () => Promise.allSettled(asked));
      const inTurn = async (): Promise<void> => {
        for (const [sequence, held] of setAside) {
          setAside.delete(sequence);
          if (!hurry.aborted) await giveBack(held);
        }
      };
      const all = () => Promise.all(Array.from({ length: GIVEN_BACK_AT_ONCE }, inTurn));
      await atMost(GIVE_BACK_MS, hurry, all);
      return [...lockedUntilMs.values()].filter((untilMs) => untilMs > Date.now()).length;
    },
  };
}

async function atMost(ms: number, hurry: AbortSignal, work: () => Promise<unknown>): Promise<void> {
  try {
    await withDeadline(ms, 'giving back', () => Promise.race([work(), aborted(hurry)]));
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
  }
}
