import type { SessionScan } from '../azure/redis-scan.ts';
import { clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { PersistPorts } from '../pipeline/persist.ts';
import { aborted } from './aborted.ts';
import { FINISHING, type Interruption } from './interruption.ts';
import { makePace } from './pace.ts';
import { makePatience } from './patience.ts';
import { plain } from './plain-text.ts';
import { startProgress } from './progress.ts';
import { makePages } from './reconcile-page.ts';
import type { Walk } from './reconcile-state.ts';
import { addTo, newTally, type Tally } from './reconcile-tally.ts';
import { walkSessions } from './reconcile-walk.ts';

export type PassOptions = {
  config: Config;
  ports: PersistPorts;
  scan: SessionScan;
  walk: Walk;
  /** The walk has come so far. */
  save: () => void;
  rate: number;
  interruption: Interruption;
};

export type Passed = {
  isComplete: boolean;
  tally: Tally;
  /** What ended it, where that was neither the end nor a signal. The walk can go on after it. */
  failure: { error: unknown } | undefined;
};

const SHOWN_ID = 100;

/** Takes one walk to its end, or to an interruption or a failure that time does not mend. */
export async function pass(options: PassOptions): Promise<Passed> {
  const { config, ports, scan, walk, save, rate } = options;
  const { signal, hurry } = options.interruption;
  // A watch makes many passes under one interruption: none of them must answer to it once it is over.
  const over = new AbortController();
  const hurried = aborted(AbortSignal.any([hurry, over.signal]));
  const progress = startProgress('reconciling', await sizeOf(scan));
  const pace = makePace(rate, clock);
  const patience = makePatience({
    clock,
    signal,
    say: (line) => progress.say(plain(line)),
    onThrottled: pace.hold,
    probe: ports.store.probe,
  });
  signal.addEventListener('abort', () => progress.say(FINISHING), { once: true, signal: over.signal });
  let unfinished = newTally();
  const shown = (): Tally => {
    const all = structuredClone(walk.tally);
    addTo(all, unfinished);
    return all;
  };
  let scanned = walk.tally.scanned;
  const pages = makePages({
    ports,
    pace,
    patience,
    maxConcurrency: config.maxConcurrency,
    maxTitles: config.titles.maxConcurrency,
    signal,
    onOutcome(sessionId, outcome) {
      scanned += 1;
      if (outcome.kind === 'refused')
        progress.say(
          plain(`refused ${sessionId.slice(0, SHOWN_ID)}: ${outcome.code}: ${outcome.description}`),
        );
      const { waitingFor } = patience;
      progress.update(scanned, waitingFor && `waiting: ${waitingFor}`);
    },
  });
  const addTitles = (): void => addTo(walk.tally, { ...newTally(), ...pages.titles() });

  const walking = walkSessions({
    scan,
    walk,
    async onPage(sessionIds) {
      const { tally, isDone, failure } = await pages.work(sessionIds);
      if (isDone) addTo(walk.tally, tally);
      else unfinished = tally;
      if (failure) throw failure.error;
      return isDone;
    },
    onStep() {
      addTitles();
      save();
    },
    say: (line) => progress.say(plain(line)),
    clock,
    signal,
  });
  let isComplete = false;
  let failure: Passed['failure'];
  try {
    isComplete = await Promise.race([walking, hurried.then(() => false)]);
  } catch (error) {
    failure = { error };
  }
  await Promise.race([pages.titlesSettled(), hurried]);
  over.abort();
  addTitles();
  progress.end();
  return { isComplete, tally: shown(), failure };
}

/** Of whatever kind of key: for the bar only. */
async function sizeOf(scan: SessionScan): Promise<number> {
  const sizes = await Promise.allSettled(scan.nodes().map((node) => scan.size(node)));
  return sizes.reduce((sum, size) => sum + (size.status === 'fulfilled' ? size.value : 0), 0);
}
