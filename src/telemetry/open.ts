import { type Config, exportsTelemetry, type TelemetryPart } from '../config.ts';
import type { Log } from '../pipeline/ports.ts';
import { bothOf, type Watch } from '../pipeline/watch.ts';
import type { LogSink } from './log.ts';
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
  const prometheus = isScraped ? (await import('./prometheus.ts')).makePrometheus() : undefined;
  const readers = prometheus ? [prometheus.reader] : [];
  const exported = exports
    ? await (await import('./start.ts')).startTelemetry(config, log, readers)
    : undefined;
  if (!exported) (await import('./own-meters.ts')).startOwnMeters(config.serviceName, readers);
  const { azureMonitor, otlp } = config.telemetry;
  const counted =
    isScraped || azureMonitor || otlp.metrics
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
