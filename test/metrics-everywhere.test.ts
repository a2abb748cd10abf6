import { appendFileSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Metric, metrics, prometheusName } from '../src/telemetry/metric-names.ts';
import { openManagementDoor } from './management-door.ts';
import { receiveOtlp } from './otlp-receiver.ts';
import { askHealth } from './scrape.ts';
import { conversation, setTheScene } from './setting.ts';
import { receiveTrack } from './track-receiver.ts';
import { startWorkerProcess } from './worker-process.ts';

/** Seen only where the identity may read them. */
const rare: readonly Metric[] = [metrics.backlog, metrics.deadLetters];
const usual = Object.values<Metric>(metrics).filter((metric) => !rare.includes(metric));

test('the same metrics go to OTLP and Azure Monitor and can be scraped, all at once', async () => {
  const [otlp, track, scene] = [await receiveOtlp(), await receiveTrack(), await setTheScene()];
  const worker = startWorkerProcess({
    ...scene.stack.environment,
    ...track.environment,
    OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url,
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
    HEALTH_PORT: '0',
  });
  const health = await askHealth(worker);
  await expect.poll(() => worker.said('receiving')).toBe(true);
  // There is a retry to be counted.
  scene.stack.chat.setFaults({ status: { code: 429, retryAfterMs: 1, count: 1 } });
  const { snapshot, event } = conversation();
  await scene.show(snapshot);
  await scene.announce(event);
  await expect.poll(() => worker.said('event completed')).toBe(true);
  // It refuses names and samples that come twice, as those of instrumentations beside ours would.
  const samples = await health.metrics();
  await expect.poll(() => [...otlp.metrics]).toEqual(expect.arrayContaining(usual.map(({ name }) => name)));
  worker.kill('SIGTERM');
  expect(await worker.exited).toBe(0);

  const scraped = Object.keys(samples).map((sample) => sample.replace(/(_bucket|_sum|_count)?(\{.*)?$/, ''));
  for (const metric of usual) expect(scraped).toContain(prometheusName(metric));
  const points = track
    .of('MetricData')
    .flatMap(({ data }) => data.baseData.metrics as { name: string; count: number }[]);
  const inAzure = new Set(points.map(({ name }) => name));
  for (const { name } of usual) expect(inAzure).toContain(name);
  const settled = track
    .of('MetricData')
    .filter(({ data }) => (data.baseData.metrics as { name: string }[])[0]!.name === metrics.settled.name)
    .filter(({ data }) => data.baseData.properties?.['app.event.outcome'] === 'complete')
    .flatMap(({ data }) => data.baseData.metrics as { value: number }[]);
  expect(settled.reduce((sum, { value }) => sum + value, 0)).toBe(1);
});

test('who may manage the subscription tells its depth in each place, too', async () => {
  const [otlp, track] = [await receiveOtlp(), await receiveTrack()];
  const trusted = track.environment.NODE_EXTRA_CA_CERTS;
  const entra = `${trusted}.entra`;
  const { stack } = await setTheScene({ entra: { certificateFile: entra } });
  const door = await openManagementDoor(stack.serviceBus.port, {
    ...{ lockDuration: 'PT1M', maxDeliveryCount: 50 },
    ...{ active: 1_234, deadLetters: 7 },
  });
  appendFileSync(trusted, `\n${readFileSync(entra, 'utf8')}\n${door.certificate}`);
  const worker = startWorkerProcess({
    ...stack.environment,
    ...track.environment,
    SERVICEBUS_FULLY_QUALIFIED_NAMESPACE: `localhost:${door.port}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url,
    OTEL_METRIC_EXPORT_INTERVAL: '500',
    HEALTH_PORT: '0',
  });
  const health = await askHealth(worker);
  await expect.poll(() => worker.said('receiving')).toBe(true);
  await expect
    .poll(() => health.metrics())
    .toMatchObject({
      [prometheusName(metrics.backlog)]: 1_234,
      [prometheusName(metrics.deadLetters)]: 7,
    });
  await expect.poll(() => otlp.gauges.get(metrics.backlog.name)).toBe(1_234);
  await expect.poll(() => otlp.gauges.get(metrics.deadLetters.name)).toBe(7);
  worker.kill('SIGTERM');
  expect(await worker.exited).toBe(0);
  const inAzure = Object.fromEntries(
    track
      .of('MetricData')
      .flatMap(({ data }) => data.baseData.metrics as { name: string; value: number }[])
      .map(({ name, value }) => [name, value]),
  );
  expect(inAzure).toMatchObject({ [metrics.backlog.name]: 1_234, [metrics.deadLetters.name]: 7 });
});

test('an attribute that a metric does not tell of is on none of its samples', async () => {
  const scene = await setTheScene();
  const worker = startWorkerProcess({ ...scene.stack.environment, HEALTH_PORT: '0' });
  const health = await askHealth(worker);
  await expect.poll(() => worker.said('receiving')).toBe(true);
  const talk = conversation();
  await scene.show(talk.snapshot);
  await scene.announce(talk.event);
  await scene.announce({});
  await expect.poll(() => worker.said('event completed')).toBe(true);
  const byName = new Map(Object.values<Metric>(metrics).map((metric) => [prometheusName(metric), metric]));
  const found: string[] = [];
  for (const sample of Object.keys(await health.metrics())) {
    const [, name, labels = ''] = /^(.*?)(?:_bucket|_sum|_count)?(?:\{(.*)\})?$/.exec(sample)!;
    if (name === 'target_info') continue;
    const metric = byName.get(name!);
    const told = metric?.attributes.map((attribute) => attribute.replaceAll('.', '_')) ?? [];
    for (const [, label] of labels.matchAll(/([a-z_]+)="/g))
      if (label !== 'le' && !told.includes(label!)) found.push(`${name} ${label}`);
    if (!metric) found.push(name!);
  }
  expect(found).toEqual([]);
});

test('an Azure Monitor that cannot be started leaves the scraping as it is', async () => {
  const scene = await setTheScene();
  const worker = startWorkerProcess({
    ...scene.stack.environment,
    APPLICATIONINSIGHTS_CONNECTION_STRING: 'IngestionEndpoint=https://localhost:1/',
    HEALTH_PORT: '0',
  });
  const health = await askHealth(worker);
  await expect.poll(async () => (await health.readyz()).status).toBe(200);
  expect(await health.metrics()).toMatchObject({ history_worker_events_in_hand: 0 });
});
