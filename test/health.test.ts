import { createServer, type Server } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { askHealth } from './scrape.ts';
import { conversation, setTheScene } from './setting.ts';
import { startWorkerProcess } from './worker-process.ts';

async function running(environment: Record<string, string> = {}) {
  const scene = await setTheScene();
  const worker = startWorkerProcess({ ...scene.stack.environment, HEALTH_PORT: '0', ...environment });
  const health = await askHealth(worker);
  await expect.poll(async () => (await health.readyz()).status).toBe(200);
  return { ...scene, worker, health, entity: () => scene.counters().entities[scene.path]! };
}

describe('/readyz', () => {
  test('names each service, with its state and since when', async () => {
    const { health } = await running();
    const { state, held, dependencies } = await health.readyz();
    expect({ state, held }).toEqual({ state: 'running', held: 0 });
    expect(Object.keys(dependencies).sort()).toEqual(['cosmos', 'redis', 'service-bus', 'titles']);
    for (const { state, since } of Object.values(dependencies)) {
      expect(state).toBe('open');
      expect(Date.now() - Date.parse(since)).toBeLessThan(60_000);
    }
  });

  test.each(['redis', 'cosmos'] as const)(
    'answers 503 while %s is away, and why; /livez says that it is alive meanwhile',
    async (service) => {
      const { stack, show, announce, health, entity } = await running();
      const talks = Array.from({ length: 3 }, () => conversation(1, { title: 'Named' }));
      for (const { snapshot } of talks) await show(snapshot);
      stack[service].setFaults({ refuseConnections: true });
      for (const { event } of talks) await announce(event);
      await expect.poll(async () => (await health.readyz()).status).toBe(503);
      const { state, held, dependencies } = await health.readyz();
      expect(state).toBe('running');
      expect(held).toBe(3);
      expect(dependencies[service]).toMatchObject({ state: 'closed', reason: expect.stringMatching(/\w/) });
      expect(Object.values(dependencies).filter(({ state }) => state === 'closed')).toHaveLength(1);
      expect(await health.livez()).toMatchObject({ status: 200, live: true });
      expect(await health.metrics()).toMatchObject({
        [`history_worker_gate_open{app_dependency="${service}"}`]: 0,
        'history_worker_gate_open{app_dependency="service-bus"}': 1,
        history_worker_events_in_hand: 3,
      });
      stack[service].setFaults({ refuseConnections: false });
      await expect.poll(async () => (await health.readyz()).status).toBe(200);
      await expect.poll(() => entity().completed).toBe(3);
    },
  );

  test('answers 503 while Service Bus is away', async () => {
    const { stack, health } = await running();
    stack.serviceBus.setFaults({ refuseConnections: true });
    stack.serviceBus.act('dropConnections');
    await expect.poll(async () => (await health.readyz()).status).toBe(503);
    expect((await health.readyz()).dependencies['service-bus']).toMatchObject({ state: 'closed' });
    expect((await health.livez()).status).toBe(200);
    stack.serviceBus.setFaults({ refuseConnections: false });
    await expect.poll(async () => (await health.readyz()).status).toBe(200);
  });

  test('tells of a title model that is away, and stays 200: everything is made durable without it', async () => {
    const { stack, show, announce, health, entity } = await running({ TITLE_TIMEOUT_SECONDS: '1' });
    await stack.chat.setFaults({ refuseConnections: true });
    const talks = Array.from({ length: 3 }, () => conversation());
    for (const { snapshot } of talks) await show(snapshot);
    for (const { event } of talks) await announce(event);
    await expect.poll(() => entity().completed).toBe(3);
    const { status, ready, dependencies } = await health.readyz();
    expect({ status, ready }).toEqual({ status: 200, ready: true });
    expect(dependencies.titles).toMatchObject({ state: 'closed' });
  });
});

test('a start that hangs is alive and not ready, and shows what it waits for', async () => {
  const { stack } = await setTheScene();
  stack.serviceBus.setFaults({ freeze: true });
  const worker = startWorkerProcess({ ...stack.environment, HEALTH_PORT: '0' });
  const health = await askHealth(worker);
  const states = async () =>
    Object.entries((await health.readyz()).dependencies).map(([name, { state }]) => `${name} ${state}`);
  await expect.poll(states).toEqual(['service-bus opening', 'redis open', 'cosmos open']);
  expect(await health.readyz()).toMatchObject({ status: 503, ready: false, state: 'starting' });
  expect(await health.livez()).toMatchObject({ status: 200, live: true, state: 'starting' });
  stack.serviceBus.setFaults({ freeze: false });
  await expect.poll(async () => (await health.readyz()).status).toBe(200);
});

test.each(['redis', 'cosmos', 'serviceBus'] as const)(
  'a start that waits for %s says so in /readyz, and why, and is alive meanwhile',
  async (service) => {
    const { stack } = await setTheScene();
    stack[service].setFaults({ refuseConnections: true });
    const worker = startWorkerProcess({ ...stack.environment, HEALTH_PORT: '0' });
    const health = await askHealth(worker);
    const name = service === 'serviceBus' ? 'service-bus' : service;
    const reason = async () => (await health.readyz()).dependencies[name]?.reason;
    await expect.poll(reason).toMatch(/\w/);
    const { status, state, dependencies } = await health.readyz();
    expect({ status, state }).toEqual({ status: 503, state: 'starting' });
    expect(dependencies[name]).toMatchObject({ state: 'opening' });
    expect(Object.values(dependencies).filter(({ reason }) => reason !== undefined)).toHaveLength(1);
    expect(await health.livez()).toMatchObject({ status: 200, live: true, state: 'starting' });
    stack[service].setFaults({ refuseConnections: false });
    await expect.poll(async () => (await health.readyz()).status).toBe(200);
    for (const { reason } of Object.values((await health.readyz()).dependencies))
      expect(reason).toBeUndefined();
  },
);

test('while it drains it is alive and not ready, and answers until the end', async () => {
  const { stack, show, announce, worker, health, entity } = await running();
  const { snapshot, event } = conversation(1, { title: 'Named' });
  await show(snapshot);
  stack.cosmos.setFaults({ freeze: true });
  await announce(event);
  await expect.poll(async () => (await health.readyz()).held).toBe(1);
  worker.kill('SIGTERM');
  await expect.poll(() => worker.said('draining')).toBe(true);
  expect(await health.readyz()).toMatchObject({ status: 503, ready: false, state: 'draining', held: 1 });
  expect(await health.livez()).toMatchObject({ status: 200, live: true, state: 'draining' });
  expect((await health.metrics()).history_worker_events_in_hand).toBe(1);
  stack.cosmos.setFaults({ freeze: false });
  expect(await worker.exited).toBe(0);
  expect(entity().locked).toBe(0);
  await expect(health.livez()).rejects.toThrow();
});

describe('HEALTH_PORT', () => {
  /** A port of this machine that is taken until the test is over. */
  async function taken(port = 0): Promise<number> {
    const server = createServer();
    await new Promise<void>((resolve) =>
      server.once('error', () => resolve()).listen(port, '127.0.0.1', resolve),
    );
    onTestFinished(() => void (server as Server).close());
    return (server.address() as { port: number } | null)?.port ?? port;
  }

  test('that is taken ends the start with 1, and the line names the variable', async () => {
    const { stack } = await setTheScene();
    const port = await taken();
    const worker = startWorkerProcess({ ...stack.environment, HEALTH_PORT: String(port) });
    expect(await worker.exited).toBe(1);
    const line = worker.lines.find(({ code }) => code === 'HealthUnavailable');
    expect(line?.reason).toContain(`HEALTH_PORT is ${port}, which is taken`);
    // Before anything was connected.
    expect(stack.serviceBus.counters().connections.accepted).toBe(0);
  });

  test('that nobody chose and is taken gives way to a free one, so that several workers live on a laptop', async () => {
    const { stack } = await setTheScene();
    await taken(8080);
    const worker = startWorkerProcess({ ...stack.environment, HEALTH_PORT: '' });
    const health = await askHealth(worker);
    expect(health.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(health.url).not.toContain(':8080');
    expect(worker.lines.find(({ code }) => code === 'HealthUnavailable')).toMatchObject({ port: 8080 });
    expect((await health.livez()).status).toBe(200);
  });

  test('off: nothing listens, and nothing of the metrics is even imported', async () => {
    const { stack } = await setTheScene();
    const preload = { NODE_OPTIONS: '--import ./test/telling-imports.ts' };
    const [off, on] = ['off', '0'].map((port) =>
      startWorkerProcess({ ...stack.environment, ...preload, HEALTH_PORT: port }),
    ) as [ReturnType<typeof startWorkerProcess>, ReturnType<typeof startWorkerProcess>];
    const loaded = (worker: typeof off): string[] =>
      worker.errors().match(/(?<=^loads )@opentelemetry\/(?!api$).*$/gm) ?? [];
    for (const worker of [off, on]) await expect.poll(() => worker.said('receiving')).toBe(true);
    await expect.poll(() => loaded(on)).toContain('@opentelemetry/sdk-metrics');
    expect(off.errors()).toContain('loads @redis/client');
    expect(loaded(off)).toEqual([]);
    expect(off.said('health: /livez, /readyz, /metrics')).toBe(false);
  });

  test('and HEALTH_HOST are checked with all the rest', async () => {
    const worker = startWorkerProcess({ HEALTH_PORT: 'http', HEALTH_HOST: 'http://x' });
    expect(await worker.exited).toBe(78);
    expect(worker.errors()).toContain(
      'HEALTH_PORT is "http", expected a whole number from 0 to 65535, or off',
    );
    expect(worker.errors()).toContain('HEALTH_HOST is no host name');
  });
});

test('a HEALTH_HOST that is not this machine ends the start with 1, by name', async () => {
  const { stack } = await setTheScene();
  const worker = startWorkerProcess({ ...stack.environment, HEALTH_PORT: '0', HEALTH_HOST: '192.0.2.1' });
  expect(await worker.exited).toBe(1);
  expect(worker.lines.find(({ code }) => code === 'HealthUnavailable')?.reason).toContain(
    'HEALTH_HOST is 192.0.2.1',
  );
});
