import { monitorEventLoopDelay } from 'node:perf_hooks';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { expect, test } from 'vitest';
import { samplesOf } from '../../test/prometheus-samples.ts';
import { APP_NAME } from './names.ts';
import { observeProcess } from './process-metrics.ts';
import { makePrometheus } from './prometheus.ts';

test('a loop that was held up shows how late it was, and processor time and memory grow', async () => {
  const prometheus = makePrometheus();
  const meter = new MeterProvider({ readers: [prometheus.reader] }).getMeter(APP_NAME);
  const samples = async () => samplesOf(await prometheus.text());
  // The first answer loads what it is made with, which holds the loop up.
  await samples();
  observeProcess(meter);
  const cpu = 'process_cpu_time_seconds_total{cpu_mode="user"}';
  // Nothing has been measured yet, and nothing is made up.
  const before = await samples();
  expect(before).not.toHaveProperty('nodejs_eventloop_delay_max_seconds');
  // One that looks at the loop as ours does tells when there is something to see.
  const looking = monitorEventLoopDelay({ resolution: 20 });
  looking.enable();
  await expect.poll(() => looking.count, { interval: 1 }).toBeGreaterThan(1);
  for (const endMs = performance.now() + 150; performance.now() < endMs; );
  await expect.poll(() => looking.max, { interval: 1 }).toBeGreaterThan(120e6);
  looking.disable();
  const after = await samples();
  expect(after.nodejs_eventloop_delay_max_seconds).toBeGreaterThan(0.1);
  expect(after.nodejs_eventloop_delay_max_seconds).toBeLessThan(1);
  expect(after.nodejs_eventloop_delay_p50_seconds).toBeLessThan(0.1);
  expect(after.nodejs_eventloop_utilization_ratio).toBeGreaterThan(0);
  expect(after.nodejs_eventloop_utilization_ratio).toBeLessThanOrEqual(1);
  expect(after[cpu]! - before[cpu]!).toBeGreaterThan(0.01);
  expect(after.process_memory_usage_bytes).toBeGreaterThan(after.history_worker_heap_used_bytes!);
  // Whoever else reads soon after sees the same window.
  expect((await samples()).nodejs_eventloop_delay_max_seconds).toBe(after.nodejs_eventloop_delay_max_seconds);
});
