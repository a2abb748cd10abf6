import { metrics } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, type MetricReader } from '@opentelemetry/sdk-metrics';
import { attribute } from './names.ts';

/** Metrics alone, for who scrapes them, where nothing is exported: no instrumentation, no traces. */
export function startOwnMeters(serviceName: string, readers: MetricReader[]): void {
  const resource = resourceFromAttributes({ [attribute.SERVICE_NAME]: serviceName });
  metrics.setGlobalMeterProvider(new MeterProvider({ resource, readers }));
}
