import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { holdPort } from '../emulators/held-port.ts';
import { receiveOtlp } from './otlp-receiver.ts';
import { conversation, setTheScene } from './setting.ts';
import { receiveTrack } from './track-receiver.ts';
import { startWorkerProcess } from './worker-process.ts';

const EVENTS = 30;

/** A port on which nobody listens. */
async function nobody(): Promise<number> {
  const { port, release } = await holdPort('127.0.0.1', 0);
  onTestFinished(release);
  return port;
}

/** One that takes connections and never says anything. */
async function mute(): Promise<number> {
  const server = createServer((socket) => void socket.on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

const overOtlp = (port: number, fields = {}) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
  ...fields,
});
/** Each batch is given up soon, and there are many. */
const impatient = { OTEL_EXPORTER_OTLP_TIMEOUT: '100' };

async function toAzureMonitor(port: number) {
  const { environment } = await receiveTrack();
  const url = `https://localhost:${port}`;
  return {
    ...environment,
    APPLICATIONINSIGHTS_CONNECTION_STRING: `InstrumentationKey=11111111-2222-3333-4444-555555555555;IngestionEndpoint=${url}/;LiveEndpoint=${url}/`,
  };
}

const receivers: [string, () => Promise<Record<string, string>>][] = [
  ['OTLP where nobody listens', async () => overOtlp(await nobody())],
  ['OTLP where nobody answers', async () => overOtlp(await mute())],
  ['OTLP where nobody answers, time and again', async () => overOtlp(await mute(), impatient)],
  [
    'OTLP that refuses',
    async () => {
      const otlp = await receiveOtlp();
      otlp.faults.status = 503;
      return { OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url, ...impatient };
    },
  ],
  ['Azure Monitor where nobody answers', async () => toAzureMonitor(await mute())],
  ['Azure Monitor where nobody listens', async () => toAzureMonitor(await nobody())],
  [
    'Azure Monitor that refuses',
    async () => {
      const track = await receiveTrack();
      track.faults.status = 500;
      return track.environment;
    },
  ],
  [
    'Azure Monitor that shows an unknown certificate',
    async () => {
      const { NODE_EXTRA_CA_CERTS: _, ...environment } = (await receiveTrack()).environment;
      return environment;
    },
  ],
  [
    'both where nobody answers',
    async () => ({ ...overOtlp(await mute()), ...(await toAzureMonitor(await mute())) }),
  ],
];

describe.each(receivers)('%s', (_, receiver) => {
  test('holds up no event, and the shutdown for 5 s at most; a line a minute says so', async () => {
    const environment = await receiver();
    const { stack, show, announce, counters, path } = await setTheScene();
    const worker = startWorkerProcess({
      ...stack.environment,
      OTEL_BSP_SCHEDULE_DELAY: '50',
      OTEL_BLRP_SCHEDULE_DELAY: '50',
      ...environment,
    });
    await expect.poll(() => worker.said('receiving')).toBe(true);
    const talks = Array.from({ length: EVENTS }, () => conversation(1, { title: 'Named' }));
    for (const { snapshot, event } of talks) {
      await show(snapshot);
      await announce(event);
    }
    await expect.poll(() => counters().entities[path]!.completed).toBe(EVENTS);
    expect(counters().entities[path]).toMatchObject({ delivered: EVENTS, abandoned: 0 });

    worker.kill('SIGTERM');
    await expect.poll(() => worker.said('stopped')).toBe(true);
    expect(await worker.exited).toBe(0);
    // By its own clock, and with some room for a busy machine: an exporter's own patience is ten seconds.
    const saidAtMs = (line: Record<string, unknown>): number => Date.parse(String(line.time));
    const stopped = worker.lines.find(({ msg }) => msg === 'stopped')!;
    expect(saidAtMs(worker.lines.at(-1)!) - saidAtMs(stopped)).toBeLessThan(7_000);
    const complaints = worker.lines.filter(({ code }) => code === 'TelemetryFailed');
    // One while it works, and one at its end.
    const [first, second, ...others] = complaints.map(({ reason }) => String(reason));
    expect(first).toMatch(/./);
    expect(second ?? 'nobody took the last of it').toMatch(/^nobody took the last of it/);
    expect(others).toEqual([]);
    expect(worker.errors()).toBe('');
    expect(worker.lines.filter(({ code }) => code === 'UnhandledError')).toEqual([]);
  }, 60_000);
});

test('that do not answer are not waited for by who is told twice to end', async () => {
  const { stack } = await setTheScene();
  const worker = startWorkerProcess({ ...stack.environment, ...overOtlp(await mute()) });
  await expect.poll(() => worker.said('receiving')).toBe(true);
  worker.kill('SIGTERM');
  await expect.poll(() => worker.said('stopped')).toBe(true);
  const startedMs = performance.now();
  worker.kill('SIGTERM');
  expect(await worker.exited).toBe(0);
  expect(performance.now() - startedMs).toBeLessThan(2_000);
});

test('that cannot be started for a connection string without a key are said to be missing, and work goes on', async () => {
  const { stack, show, announce } = await setTheScene();
  const worker = startWorkerProcess({
    ...stack.environment,
    APPLICATIONINSIGHTS_CONNECTION_STRING: 'your-app-insights-connection-string',
  });
  const { snapshot, event } = conversation(1, { title: 'Named' });
  await show(snapshot);
  await announce(event);
  await expect.poll(() => worker.said('event completed')).toBe(true);
  expect(worker.lines.filter(({ level }) => level === 'ERROR')).toMatchObject([{ code: 'TelemetryFailed' }]);
  worker.kill('SIGTERM');
  expect(await worker.exited).toBe(0);
  expect(worker.errors()).toBe('');
});
