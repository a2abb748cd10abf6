import { expect, onTestFinished, test } from 'vitest';
import { type Health, startHealth } from './health.ts';
import type { GateState } from './pipeline/gate.ts';

async function serving() {
  const lines: { level: string; code?: unknown }[] = [];
  const note = (level: string) => (fields: Record<string, unknown>) => void lines.push({ ...fields, level });
  const log = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') };
  const place = { host: '127.0.0.1', port: 0, isAnyPortGood: false };
  const health = (await startHealth({ health: place, metrics: async () => 'none', log })) as Health;
  onTestFinished(health.close);
  const gate = (dependency: GateState['dependency']): GateState => ({
    dependency,
    isOpen: true,
    sinceMs: 0,
    reason: undefined,
  });
  const worker = {
    state: 'RUNNING' as 'RUNNING' | 'DRAINING' | 'STOPPED' | 'FAILED',
    held: 0,
    gates: (['service-bus', 'redis', 'cosmos', 'titles'] as const).map(gate),
    reason: undefined as string | undefined,
    stuck: () => worker.reason,
  };
  const ask = async (path: string): Promise<{ status: number; [field: string]: unknown }> => {
    const response = await fetch(`${health.url}${path}`);
    return { status: response.status, ...((await response.json()) as object) };
  };
  return { health, worker, ask, lines };
}

test('/livez fails while the worker is stuck, says why, and the log says it once each time', async () => {
  const { health, worker, ask, lines } = await serving();
  health.started(worker);
  expect(await ask('/livez')).toEqual({ status: 200, live: true, state: 'running' });
  worker.reason = 'no receive has ended for 61 s';
  const stuck = { status: 503, live: false, state: 'running', reason: worker.reason };
  expect(await ask('/livez')).toEqual(stuck);
  expect(await ask('/livez')).toEqual(stuck);
  const said = () => lines.filter(({ code }) => code === 'NoProgress');
  expect(said()).toHaveLength(1);
  worker.reason = undefined;
  expect((await ask('/livez')).status).toBe(200);
  worker.reason = 'again';
  await ask('/livez');
  expect(said()).toHaveLength(2);
});

test('/readyz is 503 until the start is over, while a gate is closed, and from draining on', async () => {
  const { health, worker, ask } = await serving();
  const isReady = async () => (await ask('/readyz')).status === 200;
  expect(await isReady()).toBe(false);
  health.opened('redis');
  expect(await ask('/readyz')).toMatchObject({
    state: 'starting',
    dependencies: {
      redis: { state: 'open' },
      cosmos: { state: 'opening' },
      'service-bus': { state: 'opening' },
    },
  });
  const waited = (await ask('/readyz')) as unknown as { dependencies: { cosmos: { since: string } } };
  health.away('cosmos', 'nobody listens');
  expect(await ask('/readyz')).toMatchObject({
    dependencies: {
      cosmos: { state: 'opening', since: waited.dependencies.cosmos.since, reason: 'nobody listens' },
    },
  });
  health.started(worker);
  expect(await isReady()).toBe(true);
  for (const gate of worker.gates) {
    gate.isOpen = false;
    expect(await isReady()).toBe(gate.dependency === 'titles');
    gate.isOpen = true;
  }
  health.draining();
  expect(await ask('/readyz')).toMatchObject({ status: 503, state: 'draining' });
  for (const [state, told] of [
    ['DRAINING', 'draining'],
    ['STOPPED', 'stopped'],
    ['FAILED', 'failed'],
  ] as const) {
    worker.state = state;
    expect(await ask('/readyz')).toMatchObject({ status: 503, state: told });
    expect((await ask('/livez')).status).toBe(200);
  }
});
