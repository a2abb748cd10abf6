import { AzureLogger, setLogLevel } from '@azure/logger';
import { shutdownAzureMonitor, useAzureMonitor } from '@azure/monitor-opentelemetry';
import type { Exports } from './otlp.ts';

export type AzureMonitorOptions = { connectionString: string; liveMetrics: boolean };

const off = { enabled: false };

/**
 * Sends everything to Azure Monitor, and to `others` beside it. Nothing is sampled away unless OTEL_TRACES_SAMPLER says so: the
 * distribution would keep 5 traces a second. Its own instrumentations are off: ours serve all exports.
 * @throws Error for a connection string without a valid key
 */
export function startAzureMonitor(
  { connectionString, liveMetrics }: AzureMonitorOptions,
  others: Exports,
): () => Promise<void> {
  try {
    useAzureMonitor({
      azureMonitorExporterOptions: { connectionString },
      tracesPerSecond: 0,
      samplingRatio: 1,
      enableLiveMetrics: liveMetrics,
      spanProcessors: others.spans,
      logRecordProcessors: others.logRecords,
      metricReaders: others.metrics,
      instrumentationOptions: {
        http: off,
        azureSdk: off,
        mongoDb: off,
        mySql: off,
        postgreSql: off,
        redis: off,
        redis4: off,
      },
    });
  } finally {
    // It has all of Azure's clients write their warnings to stdout, between the lines of JSON.
    setLogLevel(process.env.AZURE_LOG_LEVEL as Parameters<typeof setLogLevel>[0]);
    AzureLogger.log = (...args) => console.error(...args);
  }
  return shutdownAzureMonitor;
}
