import { type Config, exportsTelemetry, type TelemetryPart } from '../config.ts';
import type { Log } from '../pipeline/ports.ts';
import { bothOf, type Watch } from '../pipeline/watch.ts';
import type { LogSink } from './log.ts';
import type { Prometheus } from './prometheus.ts';
import type { Telemetry } from './start.ts';
import type { Observed } from './worker-metrics.ts';

export type OpenTelemetry = {
  /** Looks on while a worker of this configuration works. */
  watch(config: Config): Watch | undefined;
  /** Takes the lines of the log. */
  sink: LogSink | undefined;
  /** The metrics in Prometheus' text format. */
  metrics: () => Promise<string>;
  /** From now on the metrics tell of this worker, too. */
  observe(worker: Observed): void;
  /** Sends what is still to be sent. Resolves at the latest after `withinMs`. */
  flush(withinMs: number): Promise<void>;
};

/**
 * Imports and starts what the configuration asks for, and nothing else. To be called before the clients are imported, which
 * the instrumentations change. Undefined: nobody looks on.
 */
export async function openTelemetry(config: TelemetryPart, log: Log): Promise<OpenTelemetry | undefined> {
  const isScraped = config.health.port !== undefined;
  const exports = exportsTelemetry(config.telemetry);
  if (!isScraped && !exports) return undefined;
  const scraping = async (): Promise<Prometheus> => (await import('./prometheus.ts')).makePrometheus();
  let prometheus = isScraped ? await scraping() : undefined;
  const exported = exports ? await startExports(config, log, prometheus) : undefined;
  if (!exported && isScraped) {
    // A reader belongs to one provider, which may be that of a start that has failed.
    prometheus = await scraping();
    (await import('./own-meters.ts')).startOwnMeters(config.serviceName, [prometheus.reader]);
  }
  const { azureMonitor, otlp } = config.telemetry;
  const counted =
    isScraped || (exported && (azureMonitor || otlp.metrics))
      ? (await import('./worker-metrics.ts')).startWorkerMetrics()
      : undefined;
  return {
    watch(of) {
      const [traced, numbered] = [exported?.watch(of), counted?.watch(of)];
      return traced && numbered ? bothOf(traced, numbered) : (traced ?? numbered);
    },
    sink: exported?.sink,
    metrics: async () => prometheus?.text() ?? '',
    observe: (worker) => counted?.observe(worker),
    flush: async (withinMs) => exported?.flush(withinMs),
  };
}

/** Conversations are made durable without telemetry too. */
async function startExports(
  config: TelemetryPart,
  log: Log,
  prometheus: Prometheus | undefined,
): Promise<Telemetry | undefined> {
  try {
    const { startTelemetry } = await import('./start.ts');
    return await startTelemetry(config, log, prometheus ? [prometheus.reader] : []);
  } catch (error) {
    const { message } = error as Error;
    log.error({ code: 'TelemetryFailed', reason: message }, 'telemetry could not be started');
    return undefined;
  }
}
