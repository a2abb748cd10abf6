import { describe, expect, test } from 'vitest';
import { conversation, setTheScene } from './setting.ts';
import { startWorkerProcess } from './worker-process.ts';

/** A worker process that holds so many events it cannot finish, as Cosmos DB does not answer. */
async function holding(count: number, options: { requiresSession?: boolean } = {}, environment = {}) {
  const scene = await setTheScene(options);
  const { stack, show, announce, counters, path } = scene;
  const worker = startWorkerProcess({
    ...stack.environment,
    NODE_OPTIONS: '--import ./test/throwing.ts',
    ...environment,
  });
  await expect.poll(() => worker.said('receiving')).toBe(true);
  stack.cosmos.setFaults({ freeze: true });
  const talks = Array.from({ length: count }, () => conversation(1, { title: 'Named' }));
  for (const { snapshot } of talks) await show(snapshot);
  await Promise.all(talks.map(({ event }) => announce(event)));
  const entity = () => counters().entities[path]!;
  await expect.poll(() => entity().locked).toBe(count);
  return { ...scene, worker, talks, entity };
}

describe('an error that nobody caught', () => {
  test('of the Service Bus client itself is logged and counted, the connection replaced, and work goes on', async () => {
    const { stack, worker, entity } = await holding(3);
    const { accepted } = stack.serviceBus.counters().connections;
    worker.kill('SIGUSR2');
    worker.kill('SIGUSR2');
    const strays = () => worker.lines.filter(({ code }) => code === 'StrayRejection');
    await expect.poll(() => strays().length).toBeGreaterThan(0);
    expect(strays()[0]).toMatchObject({ strays: 1, reason: 'stray error' });
    await expect.poll(() => stack.serviceBus.counters().connections.accepted).toBe(accepted + 1);
    stack.cosmos.setFaults({ freeze: false });
    await expect.poll(() => entity().completed).toBe(3);
    expect(entity()).toMatchObject({ delivered: 3, abandoned: 0 });
    worker.kill('SIGTERM');
    expect(await worker.exited).toBe(0);
  });

  test('of any other kind ends the process with 1, after what is in hand was finished or handed back', async () => {
    const { stack, worker, entity, talks, item } = await holding(3);
    worker.kill('SIGHUP');
    await expect.poll(() => worker.lines.some(({ code }) => code === 'UnhandledError')).toBe(true);
    stack.cosmos.setFaults({ freeze: false });
    expect(await worker.exited).toBe(1);
    expect(entity()).toMatchObject({ locked: 0, expiredLocks: 0 });
    expect(entity().completed + entity().abandoned).toBe(3);
    expect(entity().completed).toBeLessThanOrEqual(
      talks.filter(({ userId, sessionId }) => item(userId, sessionId)).length,
    );
  });

  test('that comes while it drains already still makes the exit code 1', async () => {
    const { stack, worker } = await holding(1);
    worker.kill('SIGTERM');
    await expect.poll(() => worker.said('draining')).toBe(true);
    worker.kill('SIGHUP');
    await expect.poll(() => worker.lines.some(({ code }) => code === 'UnhandledError')).toBe(true);
    stack.cosmos.setFaults({ freeze: false });
    expect(await worker.exited).toBe(1);
  });
});

describe('a signal', () => {
  test.each([
    ['without sessions', false],
    ['with sessions', true],
  ])(
    'that comes twice hurries: what is in hand is handed back within a second or so, and the exit code is 3 (%s)',
    async (_, requiresSession) => {
      const { worker, entity } = await holding(5, { requiresSession });
      worker.kill('SIGTERM');
      await expect.poll(() => worker.said('draining')).toBe(true);
      const startedMs = performance.now();
      worker.kill('SIGINT');
      expect(await worker.exited).toBe(3);
      expect(performance.now() - startedMs).toBeLessThan(3_000);
      expect(entity()).toMatchObject({ locked: 0, active: 5, abandoned: 5 });
    },
  );

  test('that comes twice during an outage of Service Bus ends it within a few seconds all the same', async () => {
    const { stack, worker } = await holding(2);
    stack.serviceBus.setFaults({ freeze: true });
    worker.kill('SIGTERM');
    await expect.poll(() => worker.said('draining')).toBe(true);
    const startedMs = performance.now();
    worker.kill('SIGTERM');
    expect(await worker.exited).toBe(3);
    expect(performance.now() - startedMs).toBeLessThan(7_000);
    stack.serviceBus.setFaults({ freeze: false });
  });

  test('during an outage of Service Bus with nothing in hand ends it with 0', async () => {
    const { stack } = await setTheScene();
    const worker = startWorkerProcess({ ...stack.environment });
    await expect.poll(() => worker.said('receiving')).toBe(true);
    stack.serviceBus.setFaults({ refuseConnections: true });
    stack.serviceBus.act('dropConnections');
    await expect.poll(() => worker.lines.some(({ code }) => code === 'GateClosed')).toBe(true);
    worker.kill('SIGTERM');
    expect(await worker.exited).toBe(0);
    stack.serviceBus.setFaults({ refuseConnections: false });
  });

  test('that comes twice during a start that hangs ends it with 0', async () => {
    const { stack } = await setTheScene();
    stack.serviceBus.setFaults({ freeze: true });
    const worker = startWorkerProcess({ ...stack.environment });
    await expect.poll(() => worker.lines.length).toBeGreaterThan(0);
    worker.kill('SIGTERM');
    worker.kill('SIGTERM');
    expect(await worker.exited).toBe(0);
    stack.serviceBus.setFaults({ freeze: false });
  });
});

test('a service that cannot be opened ends the process with 1, by name', async () => {
  const { stack } = await setTheScene();
  const worker = startWorkerProcess({
    ...stack.environment,
    SERVICEBUS_MESSAGE_COMPLETED_SUBSCRIPTION: 'there-is-none',
  });
  expect(await worker.exited).toBe(1);
  expect(worker.lines).toContainEqual(
    expect.objectContaining({ msg: 'a service could not be opened', code: 'MessagingEntityNotFound' }),
  );
});
