import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../config.ts';
import type { Status } from '../health.ts';
import type { Log } from '../pipeline/ports.ts';
import type { Watch } from '../pipeline/watch.ts';
import { makeAccess } from './access.ts';
import { readPageFiles } from './files.ts';
import type { History } from './history.ts';
import { once, shared } from './once.ts';
import type { Replays } from './replays.ts';
import { makeRoutes } from './routes.ts';
import { makeTally, type Taken } from './tally.ts';
import { makeViewers } from './viewers.ts';

export type Console = {
  /** Counts what the page shows. */
  watch: Watch;
  /** Answers a request for /console or what is under it. */
  answer(request: IncomingMessage, response: ServerResponse, path: string): Promise<void>;
  /** From now on there is something to tell of. */
  tellOf(status: () => Status): void;
  /** A client of Service Bus is not to be trusted any more. */
  reconnect(): void;
  /** The process is about to end: nothing more is begun, what is being replayed is finished or given back. */
  drain(): void;
  /** Ends the streams, and what is under way, within a few seconds or when told to hurry. */
  close(hurry?: AbortSignal): Promise<void>;
};

/** What happened within a few seconds, and at the end of them. */
export type Sample = Taken & { at: number; seconds: number; closed: string[] };

const SAMPLE_MS = 5_000;
const STATUS_MS = 1_000;
const KEPT_MS = 3_600_000;
const MAX_VIEWERS = 16;
/** What a look at the dead letters has found is told to whoever asks within that time. */
const LETTERS_MS = 2_000;
const REPLAY_ENDS_MS = 5_000;

/**
 * The operator's page, and what it asks for. The clients of the services are imported when they are asked for, so that the health
 * server listens before anything else happens.
 */
export function makeConsole(
  config: Config & { console: NonNullable<Config['console']> },
  log: Log,
  { sampleMs = SAMPLE_MS, statusMs = STATUS_MS }: { sampleMs?: number; statusMs?: number } = {},
): Console {
  const tally = makeTally(Math.max(1, Math.round(60_000 / sampleMs)));
  const viewers = makeViewers(MAX_VIEWERS);
  const samples: Sample[] = [];
  let statusOf: (() => Status) | undefined;
  let openedReplays: Replays | undefined;
  let isDraining = false;
  let sampledAtMs = performance.now();
  let saidStatus = '';

  const history = once(async () => (await import('./history.ts')).openHistory(config));
  const letters = shared(LETTERS_MS, async () => (await import('./letters.ts')).lookAtLetters(config));
  const replays = once(async () => {
    const { makeReplays } = await import('./replays.ts');
    openedReplays = makeReplays(config, log, (replay) => {
      if (replay.state !== 'running') letters.forget();
      viewers.tell({ event: 'replay', data: replay });
    });
    if (isDraining) openedReplays.stop();
    return openedReplays;
  });

  function sample(): void {
    const nowMs = performance.now();
    const dependencies = Object.entries(statusOf?.().dependencies ?? {});
    const taken: Sample = {
      at: Date.now(),
      seconds: (nowMs - sampledAtMs) / 1000,
      ...tally.take(),
      closed: dependencies.filter(([, { state }]) => state === 'closed').map(([name]) => name),
    };
    sampledAtMs = nowMs;
    samples.push(taken);
    if (samples.length > KEPT_MS / sampleMs) samples.shift();
    // Whoever is told of it looks again, and is not to be told what was found before.
    if (taken.deadLettered > 0) letters.forget();
    viewers.tell({ event: 'sample', data: taken });
  }

  function tellStatus(): void {
    if (viewers.count === 0 || !statusOf) return;
    const status = statusOf();
    const said = JSON.stringify(status);
    if (said === saidStatus) return;
    saidStatus = said;
    viewers.tell({ event: 'status', data: status });
  }

  const timers = [setInterval(sample, sampleMs), setInterval(tellStatus, statusMs)];
  for (const timer of timers) timer.unref();

  const answer = makeRoutes({
    host: config.health.host,
    access: makeAccess(config.console.token),
    files: readPageFiles(),
    letters: letters.get,
    replays: replays.get,
    history: history.get,
    watchLive: (response, visitor) =>
      !isDraining &&
      viewers.add(response, visitor.isLetIn, [
        {
          event: 'hello',
          data: {
            service: config.serviceName,
            keptMs: KEPT_MS,
            sampleMs,
            maxLockedEvents: config.maxLockedEvents,
            needsToken: config.console.token !== undefined,
            samples,
            status: statusOf?.(),
            replays: openedReplays?.all() ?? [],
          },
        },
      ]),
    log,
  });

  return {
    watch: tally.watch,
    answer,
    tellOf(status) {
      statusOf = status;
    },
    reconnect: () => openedReplays?.reconnect(),
    drain() {
      isDraining = true;
      openedReplays?.stop();
    },
    async close(hurry) {
      for (const timer of timers) clearInterval(timer);
      isDraining = true;
      openedReplays?.stop();
      await openedReplays?.ended(REPLAY_ENDS_MS, hurry);
      viewers.close();
      // Where it could not be opened, whoever asked has been told.
      const close = (opened: History): Promise<void> => opened.close();
      await history.ifThere()?.then(close, () => undefined);
    },
  };
}
