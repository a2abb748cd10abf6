import type { BatchObservableResult, Counter, Histogram, Meter, ObservableGauge } from '@opentelemetry/api';
import { type MetricKey, metrics } from './metric-names.ts';

type KeyOf<Kind> = {
  [Key in MetricKey]: (typeof metrics)[Key] extends { kind: Kind } ? Key : never;
}[MetricKey];
export type GaugeKey = KeyOf<'gauge'>;

const metaOf = (key: MetricKey) => ({ description: metrics[key].description, unit: metrics[key].unit });

/** The instruments of the table, by their keys. */
export const counterOf = (meter: Meter, key: KeyOf<'counter'>): Counter =>
  meter.createCounter(metrics[key].name, metaOf(key));

export const histogramOf = (meter: Meter, key: KeyOf<'histogram'>): Histogram =>
  meter.createHistogram(metrics[key].name, {
    ...metaOf(key),
    advice: { explicitBucketBoundaries: [...metrics[key].boundaries] },
  });

export const gaugeOf = (meter: Meter, key: GaugeKey): ObservableGauge =>
  meter.createObservableGauge(metrics[key].name, metaOf(key));

/** Gauges that are looked at together, whenever somebody reads the metrics. What is undefined is left out. */
export function observe<Key extends GaugeKey>(
  meter: Meter,
  keys: readonly Key[],
  look: () => Partial<Record<Key, number>> | Promise<Partial<Record<Key, number>>>,
): void {
  const gauges = new Map(keys.map((key) => [key, gaugeOf(meter, key)]));
  const onRead = async (result: BatchObservableResult): Promise<void> => {
    const seen = await look();
    for (const [key, gauge] of gauges) if (seen[key] !== undefined) result.observe(gauge, seen[key]);
  };
  meter.addBatchObservableCallback(onRead, [...gauges.values()]);
}
