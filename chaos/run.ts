import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { check } from './check.ts';
import { openControl } from './control.ts';
import { type Crew, startCrew } from './crew.ts';
import { faults } from './faults.ts';
import { type FrontEnd, openFrontEnd } from './front-end.ts';
import { type Ledger, newLedger } from './ledger.ts';
import { talkUntil } from './load.ts';
import { SUBSCRIPTION, TOPIC } from './names.ts';
import { killAll, startStandIns } from './processes.ts';
import type { Outcome } from './report.ts';
import type { Planned } from './schedule.ts';
import { workerSettings } from './settings.ts';
import { raise, type Storm } from './storm.ts';

export type RunOptions = {
  seed: number;
  seconds: number;
  workers: number;
  sessions: boolean;
  pageLimitKb: number | undefined;
  workerEntry: string;
  plan: readonly Planned[];
  /** Where the logs go. */
  folder: string;
  /** Told once a second how it goes. */
  onProgress: (line: string) => void;
};

/** After the last fault, so long until everything is settled; what is left then counts as unsettled. */
const CALM_MS = 120_000;
/** After the last fault, so long until the front end has written and sent everything. */
const FRONT_END_MS = 60_000;
const POLL_MS = 100;
const QUIET_POLLS = 3;
const PATH = `${TOPIC}/Subscriptions/${SUBSCRIPTION}`;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

/**
 * A load, a storm over it, the calm after it, and the check. Everything that was started is ended.
 * @throws Error when the stand-ins do not come up, or the front end cannot finish in the calm
 */
export async function runChaos(options: RunOptions): Promise<Outcome> {
  const { seed, plan, folder } = options;
  mkdirSync(folder, { recursive: true });
  const startedMs = performance.now();
  const standIns = await startStandIns(folder, options.sessions);
  const control = openControl(standIns.environment.EMULATOR_CONTROL_URL!);
  const ledger = newLedger();
  let crew: Crew | undefined;
  let storm: Storm | undefined;
  crew = startCrew({
    workers: options.workers,
    entry: options.workerEntry,
    environment: { ...standIns.environment, ...workerSettings(seed, options.seconds, options.pageLimitKb) },
    folder,
    hadFaultSince: (atMs) => (storm?.lastOnMs() ?? Number.NEGATIVE_INFINITY) >= atMs,
  });

  let hasEnded = false;
  const frontEnd = await openFrontEnd(standIns.environment, () => hasEnded);
  await crew.ready();
  const endMs = performance.now() + options.seconds * 1000;
  storm = raise(plan, control, () => crew!);
  const talking = talkUntil(() => performance.now() >= endMs, frontEnd, ledger, seed);
  const counts = storm.counts;
  const progress = setInterval(() => {
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
    options.onProgress(
      `${seconds} s  ${ledger.sends} events of ${ledger.talks.length} conversations  ${counts.faults} faults  ${counts.kills} kills  ${[...storm.on].join(', ')}`,
    );
  }, 1000);
  try {
    await Promise.all([sleep(endMs - performance.now()), storm.over]);
    await calm(control);
    await Promise.race([talking, late(FRONT_END_MS, frontEnd)]);
    const unsettled = await untilQuiet(control);
    await crew.stop();
    const [items, deadLetters] = [await frontEnd.everything(), await frontEnd.deadLetters()];
    writeFileSync(join(folder, 'dead-letters.json'), JSON.stringify(deadLetters, null, 1));
    return {
      seed,
      events: ledger.sends,
      conversations: ledger.talks.length,
      messages: sizeOf(ledger),
      renamings: ledger.renamings,
      begunAnew: ledger.begunAnew,
      counts,
      findings: await check(ledger, { items, deadLetters, unsettled }),
      crashes: crew.faults,
      failedStarts: crew.failedStarts,
      durationMs: Math.round(performance.now() - startedMs),
    };
  } finally {
    hasEnded = true;
    clearInterval(progress);
    frontEnd.close();
    await standIns.close();
    killAll();
  }
}

/** Takes back whatever may be on. What a stand-in does not offer, or cannot take back, is left. */
async function calm(control: ReturnType<typeof openControl>): Promise<void> {
  for (const fault of Object.values(faults)) {
    if (fault.kind === 'state') await control.setFaults(fault.service, fault.off).catch(() => undefined);
    else if (fault.kind === 'action' && fault.undo)
      await control.act(fault.service, fault.undo.name, fault.undo.args).catch(() => undefined);
  }
}

/** Waits until nothing is left at the subscription; answers how many events are, at the deadline. */
async function untilQuiet(control: ReturnType<typeof openControl>): Promise<number> {
  const untilMs = performance.now() + CALM_MS;
  for (let quiet = 0; ; ) {
    const { active, locked, scheduled } = await control.entity(PATH);
    const left = active + locked + scheduled;
    quiet = left === 0 ? quiet + 1 : 0;
    if (quiet === QUIET_POLLS || performance.now() > untilMs) return left;
    await sleep(POLL_MS);
  }
}

async function late(ms: number, frontEnd: FrontEnd): Promise<never> {
  await sleep(ms);
  throw new Error(
    `The front end could not finish within ${ms / 1000} s after the last fault; under way: ${frontEnd.underWay()}`,
  );
}

const sizeOf = ({ talks }: Ledger): number => talks.reduce((sum, { messages }) => sum + messages.length, 0);

export const defaultFolder = (root: string, seed: number): string =>
  join(root, '.local/chaos', `seed-${seed}-${process.pid}`);
