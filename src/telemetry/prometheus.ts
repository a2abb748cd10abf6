import {
  AggregationTemporality,
  AggregationType,
  type MetricData,
  MetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { prometheusName } from './metric-names.ts';
import { APP_NAME } from './names.ts';

/** Every answer tells everything since the start, whoever else reads. */
class Reader extends MetricReader {
  constructor() {
    super({
      aggregationSelector: () => ({ type: AggregationType.DEFAULT }),
      aggregationTemporalitySelector: () => AggregationTemporality.CUMULATIVE,
    });
  }
  protected async onForceFlush(): Promise<void> {}
  protected async onShutdown(): Promise<void> {}
}

export type Prometheus = {
  /** To be given to the meter provider. */
  reader: MetricReader;
  /** The worker's metrics in Prometheus' text format. Who asks while another is answered gets the same. */
  text(): Promise<string>;
};

/** A gauge that waits for Service Bus is left out of the answer after this time: scrapers are impatient. */
const COLLECT_MS = 5_000;

/** Tells nothing until its reader is given to a meter provider. */
export function makePrometheus(): Prometheus {
  const reader = new Reader();
  let underWay: Promise<string> | undefined;

  async function answer(): Promise<string> {
    // Its package loads an HTTP server, which instrumentations are to change first, and which nobody may ever ask.
    const { PrometheusSerializer } = await import('@opentelemetry/exporter-prometheus');
    const { resourceMetrics } = await reader.collect({ timeoutMillis: COLLECT_MS });
    return new PrometheusSerializer('', false, undefined, false, true).serialize(ours(resourceMetrics));
  }

  return {
    reader,
    text() {
      underWay ??= answer().finally(() => {
        underWay = undefined;
      });
      return underWay;
    },
  };
}

/**
 * The worker's own metrics. Those of instrumentations, which are exported beside them, would come twice under one name: those
 * of HTTP from two of them.
 */
const ours = ({ resource, scopeMetrics }: ResourceMetrics): ResourceMetrics => ({
  resource,
  scopeMetrics: scopeMetrics
    .filter(({ scope }) => scope.name === APP_NAME)
    .map(({ scope, metrics }) => ({ scope, metrics: metrics.map(renamed) })),
});

/** With the unit in the name: the serializer leaves it out, but whoever takes OTLP into Prometheus puts it in. */
const renamed = (metric: MetricData): MetricData => ({
  ...metric,
  descriptor: {
    ...metric.descriptor,
    // It adds the ending of a counter by itself.
    name: prometheusName({ ...metric.descriptor, kind: 'gauge' }),
    unit: '',
  },
});
