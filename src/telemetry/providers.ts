import { metrics } from '@opentelemetry/api';
import { logs } from '@opentelemetry/api-logs';
import {
  defaultResource,
  detectResources,
  envDetector,
  hostDetector,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import { LoggerProvider } from '@opentelemetry/sdk-logs';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { Exports } from './otlp.ts';

/** The three providers without Azure Monitor. Sampler, limits and batches follow the standard variables. */
export function startOwnProviders(exports: Exports): () => Promise<void> {
  const resource = defaultResource().merge(
    detectResources({ detectors: [hostDetector, serviceInstanceIdDetector, envDetector] }),
  );
  const tracerProvider = new NodeTracerProvider({ resource, spanProcessors: exports.spans });
  const loggerProvider = new LoggerProvider({ resource, processors: exports.logRecords });
  const meterProvider = new MeterProvider({ resource, readers: exports.metrics });
  tracerProvider.register();
  logs.setGlobalLoggerProvider(loggerProvider);
  metrics.setGlobalMeterProvider(meterProvider);
  return async () => {
    const providers = [tracerProvider, loggerProvider, meterProvider];
    await Promise.allSettled(providers.map((provider) => provider.shutdown()));
  };
}
