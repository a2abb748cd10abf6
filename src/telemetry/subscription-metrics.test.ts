import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { expect, test } from 'vitest';
import { samplesOf } from '../../test/prometheus-samples.ts';
import { APP_NAME } from './names.ts';
import { makePrometheus } from './prometheus.ts';
import { observeSubscription, type Subscription } from './subscription-metrics.ts';

function observing() {
  const prometheus = makePrometheus();
  const meter = new MeterProvider({ readers: [prometheus.reader] }).getMeter(APP_NAME);
  const clock = { nowMs: 100_000_000 };
  const service = { oldestAtMs: undefined as number | undefined, isAway: false, fails: false, asked: 0 };
  const subscription: Subscription = {
    async oldestEnqueuedAtMs() {
      service.asked += 1;
      if (service.fails) throw new Error('the connection is retired');
      return service.oldestAtMs;
    },
    depth: async () => (service.fails ? undefined : { backlog: 12, deadLetters: 3 }),
  };
  observeSubscription(
    meter,
    subscription,
    () => service.isAway,
    () => clock.nowMs,
  );
  return { clock, service, samples: async () => samplesOf(await prometheus.text()) };
}
const AGE = 'history_worker_subscription_oldest_event_seconds';

test('the age of the oldest event grows while Service Bus is asked only now and then', async () => {
  const { clock, service, samples } = observing();
  service.oldestAtMs = clock.nowMs - 7_200_000;
  expect(await samples()).toMatchObject({
    [AGE]: 7_200,
    history_worker_subscription_backlog: 12,
    history_worker_subscription_dead_letters: 3,
  });
  clock.nowMs += 4_000;
  expect((await samples())[AGE]).toBe(7_204);
  expect(service.asked).toBe(1);
  service.oldestAtMs = undefined;
  clock.nowMs += 1_000;
  expect((await samples())[AGE]).toBe(0);
  expect(service.asked).toBe(2);
});

test('what is not known is left out: of a service that is away, or that fails', async () => {
  const { clock, service, samples } = observing();
  service.isAway = true;
  expect(Object.keys(await samples())).not.toContain(AGE);
  expect(service.asked).toBe(0);
  Object.assign(service, { isAway: false, fails: true });
  const seen = Object.keys(await samples());
  expect(seen).not.toContain(AGE);
  expect(seen).not.toContain('history_worker_subscription_backlog');
  service.fails = false;
  clock.nowMs += 5_000;
  expect(Object.keys(await samples())).toContain(AGE);
});

test('an event that another machine with a clock ahead enqueued is not younger than new', async () => {
  const { clock, service, samples } = observing();
  service.oldestAtMs = clock.nowMs + 5_000;
  expect((await samples())[AGE]).toBe(0);
});
