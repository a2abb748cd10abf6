import { makeCredential } from '../azure/credential.ts';
import { openSessionScan, type SessionScan } from '../azure/redis-scan.ts';
import { clock } from '../clock.ts';
import type { Config } from '../config.ts';
import { EndedEarly } from './command-fault.ts';
import { counted } from './counted.ts';
import { EXIT_INTERRUPTED, EXIT_SOME_STAY, type Interruption, onInterruption } from './interruption.ts';
import { openPersistPorts } from './persist-ports.ts';
import { plain, plainJson } from './plain-text.ts';
import { print } from './print.ts';
import { quiet } from './quiet.ts';
import { type Passed, pass } from './reconcile-pass.ts';
import { loadWalk, newWalk, saveWalk, type Walk } from './reconcile-state.ts';
import { linesOf, refusedIn } from './reconcile-tally.ts';

export type ReconcileOptions = {
  /** Conversations a second. */
  rate: number;
  /** Where it is kept how far the walk has come. */
  state?: string | undefined;
  dryRun: boolean;
  json: boolean;
  /** Minutes from the end of one walk to the beginning of the next. */
  watch?: number | undefined;
};

/**
 * Walks over all conversations in Redis and persists those of which history lacks anything. Exit codes: 0 history has all of
 * them, or a signal ended a watch; 1 an error; 2 some were refused; 3 it was interrupted. @throws Failure of a service; CommandFault InvalidState of the file
 */
export async function runReconcile(config: Config, options: ReconcileOptions): Promise<number> {
  const { dryRun: isDryRun, state, watch } = options;
  const redis = `${config.redis.host}:${config.redis.port}`;
  let walk = state === undefined ? undefined : loadWalk(state, redis);
  const { ports, close } = await openPersistPorts(config, { log: quiet, isDryRun });
  let scan: SessionScan | undefined;
  const interruption = onInterruption();
  try {
    scan = await openSessionScan(config, makeCredential(config.azureClientId), quiet);
    for (;;) {
      const startedMs = performance.now();
      if (walk)
        console.error(
          plain(`Going on with the walk that began at ${walk.startedAt}: ${walk.tally.scanned} are done.`),
        );
      walk ??= newWalk(redis, new Date());
      const current: Walk = walk;
      const save = (): void => {
        if (state !== undefined) saveWalk(state, current);
      };
      // A file that cannot be written is known before anything is done.
      save();
      const passed = await pass({ config, ports, scan, walk, save, rate: options.rate, interruption });
      if (passed.isComplete) walk.finishedAt = new Date().toISOString();
      const tookMs = performance.now() - startedMs;
      // What was done is told first, also where the file cannot be written any more.
      report(passed, scan, { ...options, tookMs });
      const result = resultOf(passed, { isDryRun, tookMs });
      const failure = passed.failure ?? thrownBy(save);
      if (failure) throw new EndedEarly(failure.error, result);
      if (options.json) await print([plainJson(result)]);
      if (watch === undefined) return codeOf(passed);
      walk = undefined;
      if (!(await pause(watch, interruption))) return 0;
    }
  } finally {
    interruption.end();
    scan?.close();
    await close();
  }
}

function codeOf({ isComplete, tally }: Passed): number {
  if (!isComplete) return EXIT_INTERRUPTED;
  return refusedIn(tally) > 0 ? EXIT_SOME_STAY : 0;
}

function thrownBy(work: () => void): { error: unknown } | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return { error };
  }
}

function report(
  { isComplete, tally }: Passed,
  scan: SessionScan,
  { dryRun, state, watch, tookMs }: ReconcileOptions & { tookMs: number },
): void {
  const nodes = scan.nodes().length;
  const of = nodes === 1 ? 'Redis' : `${nodes} masters of Redis`;
  const lines = linesOf(tally, { isDryRun: dryRun });
  console.error(
    `${counted(tally.scanned, 'conversation')} in ${of}, ${(tookMs / 1_000).toFixed(1)} s${isComplete ? '' : ', interrupted'}${dryRun ? '; nothing was written' : ''}${lines.length > 0 ? ':' : '.'}`,
  );
  for (const line of lines) console.error(line);
  if (!isComplete && watch === undefined && state !== undefined)
    console.error(`Run it again with --state ${plain(state)} to go on.`);
}

function resultOf(
  { isComplete, tally }: Passed,
  { isDryRun, tookMs }: { isDryRun: boolean; tookMs: number },
): Record<string, unknown> {
  const { refused, ...counts } = tally;
  const byCode = Object.entries(refused);
  return {
    dryRun: isDryRun,
    ...counts,
    refused: Object.fromEntries(byCode.map(([code, { count }]) => [code, count])),
    refusedSessions: Object.fromEntries(byCode.map(([code, { sessionIds }]) => [code, sessionIds])),
    interrupted: !isComplete,
    tookMs: Math.round(tookMs),
  };
}

/** Answers whether the pause came to its end. */
async function pause(minutes: number, { signal }: Interruption): Promise<boolean> {
  if (!signal.aborted) console.error(`The next walk begins in ${minutes} min; Ctrl-C ends it.`);
  await clock.sleep(minutes * 60_000, signal);
  return !signal.aborted;
}
