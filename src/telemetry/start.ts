import type { MetricReader } from '@opentelemetry/sdk-metrics';
import type { Config, TelemetryConfig } from '../config.ts';
import type { Log } from '../pipeline/ports.ts';
import type { Watch } from '../pipeline/watch.ts';
import { AppAttributesLogRecordProcessor, AppAttributesSpanProcessor } from './app-attributes.ts';
import { ClientSpanProcessor } from './client-spans.ts';
import { hearDiagnostics, secretsShown } from './diagnostics.ts';
import { instrument } from './instrumentations.ts';
import type { LogSink } from './log.ts';
import { makeLogSink } from './log-records.ts';
import { type Exports, otlpExports } from './otlp.ts';
import { makeTraces } from './traces.ts';

export type Telemetry = {
  /** Makes the spans of a worker of this configuration. */
  watch(config: Config): Watch;
  /** Takes the lines of the log. */
  sink: LogSink;
  /** Sends what is still to be sent. Resolves at the latest after `withinMs`, whatever became of it. */
  flush(withinMs: number): Promise<void>;
};

/**
 * Starts what the configuration asks for. To be imported and called before anything that is to be instrumented: before the
 * clients, and before whatever imports them. `readers` read the metrics beside the exporters'.
 */
export async function startTelemetry(
  config: Pick<Config, 'telemetry' | 'serviceName'>,
  log: Log,
  readers: readonly MetricReader[] = [],
): Promise<Telemetry> {
  // The default is ours, and resource detectors read the variable.
  process.env.OTEL_SERVICE_NAME ??= config.serviceName;
  const connect = instrument();
  const otlp = await otlpExports(config.telemetry);
  const exports: Exports = {
    spans: [new AppAttributesSpanProcessor(), new ClientSpanProcessor(), ...otlp.spans],
    logRecords: [new AppAttributesLogRecordProcessor(), ...otlp.logRecords],
    metrics: [...readers, ...otlp.metrics],
  };
  const shutdown = await startProviders(config.telemetry, exports, log);
  connect();
  hearDiagnostics(log, secretsShown(config.telemetry.azureMonitor?.connectionString, process.env));
  return {
    watch: makeTraces,
    sink: makeLogSink(),
    async flush(withinMs) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<'late'>((resolve) => {
        timer = setTimeout(() => resolve('late'), withinMs);
      });
      // What fails is complained of by who it fails.
      const ended = await Promise.race([shutdown().catch(() => undefined), late]);
      clearTimeout(timer);
      if (ended === 'late')
        log.warn(
          { code: 'TelemetryFailed', reason: `nobody took the last of it within ${withinMs} ms` },
          'telemetry is not delivered as it should be',
        );
    },
  };
}

/** Azure Monitor's distribution sets all three providers up; without it they are ours. */
async function startProviders(
  { azureMonitor }: TelemetryConfig,
  exports: Exports,
  log: Log,
): Promise<() => Promise<void>> {
  if (azureMonitor) {
    const { startAzureMonitor } = await import('./azure-monitor.ts');
    try {
      return startAzureMonitor(azureMonitor, exports);
    } catch (error) {
      // Conversations are made durable without telemetry, too.
      const reason = (error as Error).message;
      log.error({ code: 'TelemetryFailed', reason }, 'Azure Monitor could not be started');
    }
  }
  const { startOwnProviders } = await import('./providers.ts');
  return startOwnProviders(exports);
}
