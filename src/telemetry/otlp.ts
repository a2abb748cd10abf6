import type { LogRecordProcessor } from '@opentelemetry/sdk-logs';
import type { MetricReader } from '@opentelemetry/sdk-metrics';
import type { SpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { TelemetryConfig } from '../config.ts';

export type Exports = {
  spans: SpanProcessor[];
  logRecords: LogRecordProcessor[];
  metrics: MetricReader[];
};

/**
 * What sends over OTLP, for the signals that are to go there. The exporters read the standard variables themselves: endpoints,
 * headers, time-outs, batches.
 */
export async function otlpExports({ otlp }: TelemetryConfig): Promise<Exports> {
  const [spans, logRecords, metrics] = await Promise.all([
    otlp.traces ? spanProcessor() : undefined,
    otlp.logs ? logRecordProcessor() : undefined,
    otlp.metrics ? metricReader() : undefined,
  ]);
  return {
    spans: spans ? [spans] : [],
    logRecords: logRecords ? [logRecords] : [],
    metrics: metrics ? [metrics] : [],
  };
}

async function spanProcessor(): Promise<SpanProcessor> {
  const [{ BatchSpanProcessor }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
  ]);
  return new BatchSpanProcessor(new OTLPTraceExporter());
}

async function logRecordProcessor(): Promise<LogRecordProcessor> {
  const [{ BatchLogRecordProcessor }, { OTLPLogExporter }] = await Promise.all([
    import('@opentelemetry/sdk-logs'),
    import('@opentelemetry/exporter-logs-otlp-proto'),
  ]);
  return new BatchLogRecordProcessor({ exporter: new OTLPLogExporter() });
}

async function metricReader(): Promise<MetricReader> {
  const [{ PeriodicExportingMetricReader }, { OTLPMetricExporter }] = await Promise.all([
    import('@opentelemetry/sdk-metrics'),
    import('@opentelemetry/exporter-metrics-otlp-proto'),
  ]);
  const intervalMs = Number(process.env.OTEL_METRIC_EXPORT_INTERVAL);
  return new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter(),
    ...(intervalMs > 0 ? { exportIntervalMillis: intervalMs, exportTimeoutMillis: intervalMs } : {}),
  });
}
