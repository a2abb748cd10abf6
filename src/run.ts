import { strayReason } from './azure/stray-rejection.ts';
import { type Config, ConfigError, readConfig } from './config.ts';
import type { Console } from './console/console.ts';
import { EXIT_CONFIGURATION } from './exit-codes.ts';
import type { Health } from './health.ts';
import { Failure } from './pipeline/failures.ts';
import type { Settled } from './pipeline/hand.ts';
import type { Log } from './pipeline/ports.ts';
import { bothOf, type Watch } from './pipeline/watch.ts';
import { keysIn } from './settings.ts';
import { makeLog } from './telemetry/log.ts';
import { type OpenTelemetry, openTelemetry } from './telemetry/open.ts';
import { terminalLog } from './telemetry/terminal-log.ts';
import type { Worker } from './worker.ts';

/** How long a start that is under way may still take when the process is told to end. */
const LAST_START_MS = 1_000;
/** A client that is being replaced may leave several promises dangling; its successor is not replaced for each of them. */
const RECONNECT_EVERY_MS = 10_000;
/** How long the last telemetry may take to be sent (SPEC §7), and how long when told to hurry. */
const FLUSH_MS = 5_000;
const HURRIED_FLUSH_MS = 500;

/**
 * Runs the worker until a signal or a fatal error. Exit codes: 0 all settled; 1 an error ended it, or a service could not
 * be opened; 3 events had to be abandoned, at the time-out or because a second signal came; 78 the configuration is faulty.
 */
export async function run(environment: NodeJS.ProcessEnv): Promise<number> {
  let config: Config;
  try {
    config = readConfig(environment);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    return EXIT_CONFIGURATION;
  }
  const log = makeLog(
    config.logLevel,
    config.serviceName,
    process.stdout.isTTY ? await terminalLog() : undefined,
  );
  // Before anything that takes time: a signal during it is answered like any other.
  let worker: Worker | undefined;
  let page: Console | undefined;
  const ending = whatEndsIt(log, () => {
    worker?.reconnect();
    page?.reconnect();
  });
  // What is imported from here on is imported in this order: the telemetry changes modules that the worker then imports.
  const telemetry = await openTelemetry(config, log);
  if (telemetry?.sink) log.attach(telemetry.sink);
  warnOfKeys(environment, log);
  let health: Health | undefined;
  try {
    page = await openConsole(config, log);
    health = await openHealth(config, telemetry, log, page);
    if (health) page?.tellOf(health.status);
    void ending.begun.then(health?.draining).then(page?.drain);
    const watch = watchOf(telemetry?.watch(config), page?.watch);
    return await work(config, log, ending, telemetry, health, watch, (started) => {
      worker = started;
    });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    log.error({ code: error.code, reason: error.message }, 'the worker cannot start');
    return 1;
  } finally {
    await Promise.all([flush(telemetry, ending.hurry), page?.close(ending.hurry)]);
    await health?.close();
  }
}

/** Before anything is connected: a start that hangs is seen as what it is. */
async function openHealth(
  config: Config,
  telemetry: OpenTelemetry | undefined,
  log: Log,
  page: Console | undefined,
): Promise<Health | undefined> {
  if (config.health.port === undefined || !telemetry) return undefined;
  const { startHealth } = await import('./health.ts');
  const part = page && { path: '/console', answer: page.answer };
  return startHealth({ health: config.health, metrics: telemetry.metrics, log, part });
}

/** Nothing of it is imported where nobody wants it. */
export async function openConsole(config: Config, log: Log): Promise<Console | undefined> {
  if (!config.console) return undefined;
  const { makeConsole } = await import('./console/console.ts');
  return makeConsole({ ...config, console: config.console }, log);
}

/** All who look on. */
export const watchOf = (one: Watch | undefined, other: Watch | undefined): Watch | undefined =>
  one && other ? bothOf(one, other) : (one ?? other);

async function work(
  config: Config,
  log: Log,
  ending: Ending,
  telemetry: OpenTelemetry | undefined,
  health: Health | undefined,
  watch: Watch | undefined,
  onStarted: (worker: Worker) => void,
): Promise<number> {
  const { startWorker } = await import('./worker.ts');
  let worker: Worker | undefined;
  const starting = startWorker(config, log, {
    onFatal: ending.fatal,
    onSettled: (settled) => say(log, settled),
    onOpened: health?.opened,
    onAway: health?.away,
    watch,
  });
  try {
    worker = await Promise.race([starting, ending.begun.then(() => within(LAST_START_MS, starting))]);
  } catch (error) {
    const reasons = error instanceof AggregateError ? error.errors : [error];
    for (const reason of reasons)
      log.error(
        { code: reason.code, reason: reason.message || reason.name },
        'a service could not be opened',
      );
    return 1;
  }
  // Told to end during a start that hangs: nothing has been worked on.
  if (!worker) return ending.failed() ? 1 : 0;
  onStarted(worker);
  telemetry?.observe(worker);
  health?.started(worker);
  log.info({ maxConcurrency: config.maxConcurrency, maxLockedEvents: config.maxLockedEvents }, 'receiving');

  await ending.begun;
  const { abandoned } = await worker.stop(config.shutdownTimeoutMs, ending.hurry);
  log.info({ abandoned }, 'stopped');
  if (ending.failed()) return 1;
  return abandoned > 0 ? 3 : 0;
}

/** Whatever the exports do, the process ends in time. */
async function flush(telemetry: OpenTelemetry | undefined, hurry: AbortSignal): Promise<void> {
  if (!telemetry) return;
  const hurried = new Promise<void>((resolve) => {
    const soon = (): void => void setTimeout(resolve, HURRIED_FLUSH_MS);
    if (hurry.aborted) soon();
    else hurry.addEventListener('abort', soon, { once: true });
  });
  await Promise.race([telemetry.flush(FLUSH_MS), hurried]);
}

export type Ending = {
  /** By a signal or an error. */
  begun: Promise<void>;
  fatal(error: unknown): void;
  /** An error has come, perhaps after a signal. */
  failed(): boolean;
  /** Aborts with the second signal. */
  hurry: AbortSignal;
};

/** The signals, and the errors that nobody caught. A third signal, which nobody sends without need, ends it on the spot. */
export function whatEndsIt(log: Log, reconnect: () => void): Ending {
  const hurrying = new AbortController();
  let begin = (): void => undefined;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  let failed = false;
  const fatal = (error: unknown): void => {
    failed = true;
    log.error({ code: 'UnhandledError', reason: described(error) }, 'an unhandled error ends the process');
    begin();
  };

  let strays = 0;
  let reconnectedAtMs = Number.NEGATIVE_INFINITY;
  const stray = (reason: string): void => {
    strays += 1;
    log.warn(
      { code: 'StrayRejection', strays, reason },
      'the Service Bus client dropped an error of its own: connecting anew',
    );
    if (performance.now() - reconnectedAtMs < RECONNECT_EVERY_MS) return;
    reconnectedAtMs = performance.now();
    reconnect();
  };
  const uncaught = (error: unknown): void => {
    const reason = strayReason(error);
    if (reason === undefined) fatal(error);
    else stray(reason);
  };
  process.on('uncaughtException', uncaught);
  process.on('unhandledRejection', uncaught);

  let signals = 0;
  // As PID 1 of a container nobody else would end the process.
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      signals += 1;
      log.info({ signal }, signals === 1 ? 'draining' : 'hurrying');
      begin();
      if (signals > 1) hurrying.abort();
      if (signals > 2) process.exit(3);
    });
  return { begun, fatal, failed: () => failed, hurry: hurrying.signal };
}

/** Of what is no error its fields are told, whose values may be content, and the condition of AMQP, which is none. */
function described(error: unknown): string {
  if (error instanceof Error) return String(error.stack ?? error);
  if (typeof error !== 'object' || error === null) return `a ${typeof error} was thrown`;
  const { condition } = error as { condition?: unknown };
  return `an object with ${Object.keys(error).join(', ') || 'no fields'} was thrown${condition ? `: ${String(condition)}` : ''}`;
}

const within = <T>(ms: number, what: Promise<T>): Promise<T | undefined> =>
  Promise.race([what, new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), ms))]);

/** One line an event. Dead letters have a warning of their own, with their reason. */
function say(log: Log, { settlement, receivedAtMs, ...ids }: Settled): void {
  if (settlement.kind !== 'dead-letter')
    log.info(
      { ...ids, tookMs: Date.now() - receivedAtMs },
      settlement.kind === 'complete' ? 'event completed' : 'event abandoned',
    );
}

function warnOfKeys(environment: NodeJS.ProcessEnv, log: Log): void {
  const variables = keysIn(environment);
  if (variables.length > 0) log.warn({ variables }, 'KEYS STAND IN FOR ENTRA ID: for local work only');
}
