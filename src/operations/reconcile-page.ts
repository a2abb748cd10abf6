import { Failure } from '../pipeline/failures.ts';
import type { PersistPorts } from '../pipeline/persist.ts';
import { makeSlots, type Slots } from '../pipeline/slots.ts';
import type { Pace } from './pace.ts';
import type { Patience } from './patience.ts';
import { type Outcome, reconcileOne } from './reconcile-one.ts';
import { newTally, note, type Tally } from './reconcile-tally.ts';

export type PageOptions = {
  ports: PersistPorts;
  pace: Pace;
  patience: Patience;
  maxConcurrency: number;
  /** Told of each outcome. */
  onOutcome: (sessionId: string, outcome: Outcome) => void;
  /** Nothing new is begun. */
  signal: AbortSignal;
};

export type PageResult = {
  tally: Tally;
  /** All of them are finished. */
  isDone: boolean;
  /** What ended it early: denied access, or what no rule knows. */
  failure: { error: unknown } | undefined;
};

export type Pages = {
  /** Works on the conversations of a page. The tally has those that are finished. */
  work(sessionIds: readonly Buffer[]): Promise<PageResult>;
  /** What the titles that were asked for have come to, since the last time. */
  titles(): Pick<Tally, 'titled' | 'untitled'>;
  /** Resolves when all that were asked for are stored or given up. */
  titlesSettled(): Promise<void>;
};

/** So many titles for each that the model is asked for at a time may be on their way: the model is slower than the rest. */
const TITLES_AHEAD = 4;

/** Persists conversations, several at a time at a bounded rate; one that cannot be persisted never stops the others. */
export function makePages(options: PageOptions & { maxTitles: number }): Pages {
  const { ports, pace, patience, onOutcome, signal } = options;
  const slots = makeSlots(options.maxConcurrency);
  const titles = makeTitles(makeSlots(options.maxTitles * TITLES_AHEAD));

  async function outcomeOf(key: Buffer): Promise<Outcome | undefined> {
    try {
      const { outcome, titled } = await patience.wait(() => reconcileOne(key, ports));
      if (titled) await titles.follow(titled);
      return outcome;
    } catch (error) {
      // Denied access is everybody's trouble.
      if (!(error instanceof Failure) || error.code === 'StoreMisconfigured') throw error;
      return signal.aborted ? undefined : { kind: 'refused', code: error.code, description: error.message };
    }
  }

  return {
    async work(sessionIds) {
      const tally = newTally();
      let failure: { error: unknown } | undefined;
      const tasks: Promise<void>[] = [];
      for (const key of sessionIds) {
        await slots.take();
        await pace.next(signal);
        if (signal.aborted || failure) {
          slots.give();
          break;
        }
        const task = outcomeOf(key)
          .then((outcome) => {
            if (!outcome) return;
            const sessionId = key.toString('utf8').slice(0, 1_023);
            note(tally, sessionId, outcome);
            onOutcome(sessionId, outcome);
          })
          .catch((error) => {
            failure ??= { error };
          })
          .finally(slots.give);
        tasks.push(task);
      }
      await Promise.all(tasks);
      return { tally, isDone: tally.scanned === sessionIds.length, failure };
    },
    titles: titles.counted,
    titlesSettled: titles.settled,
  };
}

function makeTitles(slots: Slots) {
  const counts = { titled: 0, untitled: 0 };
  const underWay = new Set<Promise<void>>();
  return {
    /** Waits only where too many are on their way. */
    async follow(titled: Promise<boolean>): Promise<void> {
      const noted = titled
        .then(
          (isTitled) => {
            counts[isTitled ? 'titled' : 'untitled'] += 1;
          },
          (error) => {
            // It is durable; a title can be had later.
            if (!(error instanceof Failure)) throw error;
            counts.untitled += 1;
          },
        )
        .finally(() => {
          underWay.delete(noted);
          slots.give();
        });
      underWay.add(noted);
      await slots.take();
    },
    counted() {
      const since = { ...counts };
      Object.assign(counts, { titled: 0, untitled: 0 });
      return since;
    },
    async settled(): Promise<void> {
      await Promise.all(underWay);
    },
  };
}
