import { ConfigError, readConfig } from './config.ts';
import type { Settled } from './pipeline/hand.ts';
import type { Log } from './pipeline/ports.ts';
import { settings } from './settings.ts';
import { makeLog } from './telemetry/log.ts';
import { startWorker } from './worker.ts';

/** One line an event. Dead letters have a warning of their own, with their reason. */
function say(log: Log, { settlement, receivedAtMs, ...ids }: Settled): void {
  if (settlement.kind !== 'dead-letter')
    log.info({ ...ids, tookMs: Date.now() - receivedAtMs }, `event ${settlement.kind}d`);
}

/** As sysexits.h has it. */
export const EXIT_CONFIGURATION = 78;

/**
 * Runs the worker until a signal or a fatal error. Exit codes: 0 all settled; 1 an error ended it, or a service could not
 * be opened; 3 events had to be abandoned at the time-out; 78 the configuration is faulty.
 */
export async function run(environment: NodeJS.ProcessEnv): Promise<number> {
  let config: ReturnType<typeof readConfig>;
  try {
    config = readConfig(environment);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    return EXIT_CONFIGURATION;
  }
  const log = makeLog(config.logLevel, config.serviceName);
  const keys = settings.filter(
    ({ name, secret }) => secret && /KEY|PASSWORD|SERVICEBUS/.test(name) && environment[name]?.trim(),
  );
  if (keys.length > 0)
    log.warn({ variables: keys.map(({ name }) => name) }, 'KEYS STAND IN FOR ENTRA ID: for local work only');

  let end = (_: number): void => undefined;
  const ended = new Promise<number>((resolve) => {
    end = resolve;
  });
  let failed = false;
  const fatal = (error: unknown): void => {
    failed = true;
    log.error(
      { code: 'UnhandledError', reason: String((error as Error)?.stack ?? error) },
      'an unhandled error ends the process',
    );
    end(1);
  };
  process.on('uncaughtException', fatal);
  process.on('unhandledRejection', fatal);

  let signals = 0;
  let started = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      // Nothing is held before the start is over. As PID 1 of a container nobody else would end the process.
      if (!started) process.exit(0);
      signals += 1;
      log.info({ signal }, signals === 1 ? 'draining' : 'hurrying');
      end(signals === 1 ? 0 : 3);
      if (signals > 1) process.exit(3);
    });

  let worker: Awaited<ReturnType<typeof startWorker>>;
  try {
    worker = await startWorker(config, log, fatal, (settled) => say(log, settled));
    started = true;
  } catch (error) {
    const reasons = error instanceof AggregateError ? error.errors : [error];
    for (const reason of reasons)
      log.error(
        { code: reason.code, reason: reason.message || reason.name },
        'a service could not be opened',
      );
    return 1;
  }
  log.info({ maxConcurrency: config.maxConcurrency, maxLockedEvents: config.maxLockedEvents }, 'receiving');

  const code = await ended;
  const { abandoned } = await worker.stop(config.shutdownTimeoutMs);
  log.info({ abandoned }, 'stopped');
  return failed ? 1 : code || (abandoned > 0 ? 3 : 0);
}
