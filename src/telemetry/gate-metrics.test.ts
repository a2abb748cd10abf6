import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { expect, test } from 'vitest';
import { samplesOf } from '../../test/prometheus-samples.ts';
import type { GateState } from '../pipeline/gate.ts';
import { observeGates } from './gate-metrics.ts';
import { APP_NAME } from './names.ts';
import { makePrometheus } from './prometheus.ts';

test('a gate shows whether it is open, and for how long it has been closed', async () => {
  const prometheus = makePrometheus();
  const meter = new MeterProvider({ readers: [prometheus.reader] }).getMeter(APP_NAME);
  const redis: GateState = { dependency: 'redis', isOpen: true, sinceMs: 1_000, reason: undefined };
  observeGates(meter, [redis], () => 61_000);
  const seen = async () => {
    const samples = samplesOf(await prometheus.text());
    return [
      samples['history_worker_gate_open{app_dependency="redis"}'],
      samples['history_worker_gate_closed_for_seconds{app_dependency="redis"}'],
    ];
  };
  expect(await seen()).toEqual([1, 0]);
  redis.isOpen = false;
  expect(await seen()).toEqual([0, 60]);
  redis.isOpen = true;
  expect(await seen()).toEqual([1, 0]);
});
