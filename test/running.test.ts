import { describe, expect, onTestFinished, test } from 'vitest';
import { conversation, eventOf, setTheScene, turn } from './setting.ts';
import { startWorkerProcess } from './worker-process.ts';

describe('light traffic', () => {
  test("an event is durable without the client's batching wait of a second", async () => {
    const { show, announce, work, counters, path } = await setTheScene();
    await work();
    const { snapshot } = conversation(1, { title: 'Named' });
    const startedMs = performance.now();
    for (let n = 1; n <= 10; n += 1) {
      const messages = Array.from({ length: n }, (_, index) => turn(`t${index}`, index)).flat();
      await show({ ...snapshot, messages, lastActivity: messages.at(-1)!.timestamp });
      await announce(eventOf(snapshot, `t${n - 1}`));
      await expect.poll(() => counters().entities[path]?.completed, { interval: 5 }).toBe(n);
    }
    // With the wait, ten events one after another would take ten seconds. The figures are the benchmark's matter.
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });
});

describe('limits', () => {
  test.each([
    ['one by one', 3, 6, 100],
    ['several at once', 8, 64, 600],
  ])(
    'the events held never exceed their bound, also not after ten forced detaches under load: received %s',
    async (_, most, bound, count) => {
      const { stack, show, announce, work, counters, path } = await setTheScene({ lockDurationMs: 5_000 });
      const talks = Array.from({ length: count }, () => conversation(1, { title: 'Named' }));
      for (const { snapshot } of talks) await show(snapshot);
      await Promise.all(talks.map(({ event }) => announce(event)));
      stack.cosmos.setFaults({ latencyMs: 15 });
      const { worker, fatal } = await work({
        MAX_CONCURRENCY: String(most),
        MAX_LOCKED_EVENTS: String(bound),
      });
      let mostHeld = 0;
      const sampling = setInterval(() => {
        mostHeld = Math.max(mostHeld, worker.held);
      }, 1);
      onTestFinished(() => clearInterval(sampling));
      for (let detach = 1; detach <= 10; detach += 1) {
        await expect
          .poll(() => counters().entities[path]?.completed)
          .toBeGreaterThanOrEqual((detach * count) / 20);
        stack.serviceBus.act('detachLinks');
      }
      await expect.poll(() => counters().entities[path]?.active).toBe(0);
      await expect.poll(() => stack.cosmos.items().length).toBe(count);
      await expect.poll(() => counters().entities[path]?.locked).toBe(0);
      // What was on its way to a link when it was cut never arrives: it lies at the broker until its lock expires.
      const { peakLocked, expiredLocks } = counters().entities[path]!;
      expect(peakLocked).toBeLessThanOrEqual(bound + expiredLocks);
      expect(mostHeld).toBeLessThanOrEqual(bound);
      expect(mostHeld).toBeGreaterThan(most);
      expect(stack.cosmos.counters().concurrentPeak).toBeLessThanOrEqual(most);
      expect(fatal).toEqual([]);
    },
  );

  test('the lock of an event that takes long is renewed, so that it is delivered once', async () => {
    const { stack, show, announce, work, counters, path } = await setTheScene({ lockDurationMs: 3_000 });
    stack.chat.setFaults({ latencyMs: 7_000 });
    await work();
    const { snapshot, event } = conversation();
    await show(snapshot);
    await announce(event);
    await expect.poll(() => counters().entities[path]?.completed).toBe(1);
    expect(counters().entities[path]).toMatchObject({ delivered: 1, expiredLocks: 0 });
    expect(counters().entities[path]?.renewals).toBeGreaterThan(1);
  });
});

describe('outages', () => {
  test('Redis and Cosmos DB may be away: no delivery is spent, and work goes on when they are back', async () => {
    const { stack, show, announce, work, counters, path, item } = await setTheScene();
    await work();
    const [first, second] = [conversation(), conversation()];
    await show(first.snapshot);
    stack.cosmos.setFaults({ refuseConnections: true });
    await announce(first.event);
    await expect.poll(() => counters().entities[path]?.locked).toBe(1);
    stack.cosmos.setFaults({ refuseConnections: false });
    await expect.poll(() => item(first.userId, first.sessionId)?.messages).toEqual(first.snapshot.messages);

    await show(second.snapshot);
    stack.redis.setFaults({ refuseConnections: true });
    await announce(second.event);
    await expect.poll(() => counters().entities[path]?.locked).toBe(1);
    stack.redis.setFaults({ refuseConnections: false });
    await expect
      .poll(() => item(second.userId, second.sessionId)?.messages)
      .toEqual(second.snapshot.messages);
    await expect
      .poll(() => counters().entities[path])
      .toMatchObject({ completed: 2, delivered: 2, abandoned: 0, deadLettered: 0 });
  });

  test.each([
    ['a dropped connection', 'dropConnections', {}],
    ['a restarted broker', 'restart', { downMs: 200 }],
  ])('%s is got over by itself, and loses nothing', async (_, action, args) => {
    const { stack, show, work, counters, path } = await setTheScene({ lockDurationMs: 5_000 });
    stack.cosmos.setFaults({ latencyMs: 10 });
    const { fatal } = await work({ MAX_CONCURRENCY: '4', MAX_LOCKED_EVENTS: '8' });
    for (let round = 1; round <= 3; round += 1) {
      const talks = Array.from({ length: 20 }, () => conversation(1, { title: 'Named' }));
      for (const { snapshot } of talks) await show(snapshot);
      const bodies = talks.map(({ event, sessionId }) => ({ body: event, sessionId, messageId: sessionId }));
      stack.serviceBus.entity('message-completed').send(bodies);
      await expect.poll(() => counters().entities[path]?.completed).toBeGreaterThan((round - 1) * 20 + 3);
      await stack.serviceBus.act(action, args);
      // What was on its way when the socket was cut waits for its lock, which is short here.
      await expect.poll(() => stack.cosmos.items().length).toBe(round * 20);
      await expect.poll(() => counters().entities[path]).toMatchObject({ active: 0, locked: 0 });
    }
    expect(fatal).toEqual([]);
  });

  test('a throttled account is waited for', async () => {
    const { stack, show, announce, work, counters, path } = await setTheScene();
    await work();
    stack.cosmos.setFaults({
      status: { code: 429, substatus: 3200, retryAfterMs: 50, operations: ['create'], count: 3 },
    });
    const { snapshot, event } = conversation();
    await show(snapshot);
    await announce(event);
    await expect.poll(() => counters().entities[path]?.completed).toBe(1);
    expect(stack.cosmos.counters().writesRefused.throttled429).toBe(3);
    expect(counters().entities[path]?.delivered).toBe(1);
  });
});

describe('the process', () => {
  test('ends with 78 and every fault by name, before anything is connected', async () => {
    const process = startWorkerProcess({ REDIS_PORT: 'high', MAX_CONCURRENCY: '0' });
    expect(await process.exited).toBe(78);
    for (const name of [
      'REDIS_PORT',
      'MAX_CONCURRENCY',
      'REDIS_HOST',
      'COSMOS_ENDPOINT',
      'SERVICEBUS_FULLY_QUALIFIED_NAMESPACE',
    ])
      expect(process.errors()).toContain(name);
  });

  test('an unknown flag is answered with the known ones', async () => {
    const process = startWorkerProcess({}, ['dev', '--conversation', '3']);
    expect(await process.exited).toBe(1);
    expect(process.errors()).toContain('--conversations');
  });

  test('SIGTERM in mid-flight: what was begun is durable, the rest is handed back, the exit code is 0', async () => {
    const { stack, show, announce, counters, path } = await setTheScene();
    stack.cosmos.setFaults({ latencyMs: 30 });
    const talks = Array.from({ length: 60 }, () => conversation(1, { title: 'Named' }));
    for (const { snapshot } of talks) await show(snapshot);
    const worker = startWorkerProcess({ ...stack.environment, MAX_CONCURRENCY: '4' });
    await Promise.all(talks.map(({ event }) => announce(event)));
    await expect.poll(() => counters().entities[path]?.completed).toBeGreaterThan(5);
    worker.kill('SIGTERM');
    expect(await worker.exited).toBe(0);
    const { completed, active, locked, deadLetterCount } = counters().entities[path]!;
    expect(locked).toBe(0);
    expect(completed + active).toBe(60);
    expect(deadLetterCount).toBe(0);
    expect(stack.cosmos.items().length).toBeGreaterThanOrEqual(completed);
    expect(worker.said('stopped')).toBe(true);

    const next = startWorkerProcess({ ...stack.environment });
    await expect.poll(() => counters().entities[path]?.completed).toBe(60);
    for (const { snapshot, userId, sessionId } of talks)
      expect(stack.cosmos.read(userId, sessionId)?.messages).toEqual(snapshot.messages);
    next.kill('SIGTERM');
    expect(await next.exited).toBe(0);
  });

  test('a broker that does not answer any more does not keep the process from ending', async () => {
    const { stack, show, announce, counters, path } = await setTheScene();
    const { snapshot, event } = conversation();
    await show(snapshot);
    const worker = startWorkerProcess({ ...stack.environment, SHUTDOWN_TIMEOUT_SECONDS: '1' });
    await expect.poll(() => worker.said('receiving')).toBe(true);
    stack.cosmos.setFaults({ freeze: true });
    await announce(event);
    await expect.poll(() => counters().entities[path]?.locked).toBe(1);
    stack.serviceBus.setFaults({ freeze: true });
    worker.kill('SIGTERM');
    expect(await worker.exited).toBe(3);
    stack.serviceBus.setFaults({ freeze: false });
  });

  test('SIGTERM during the start ends it with 0', async () => {
    const { stack } = await setTheScene();
    stack.redis.setFaults({ freeze: true });
    const worker = startWorkerProcess({ ...stack.environment });
    await expect.poll(() => worker.lines.length).toBeGreaterThan(0);
    worker.kill('SIGTERM');
    expect(await worker.exited).toBe(0);
  });

  test('kill -9 loses nothing: the events come again after their locks', async () => {
    const { stack, show, announce, counters, path } = await setTheScene({ lockDurationMs: 2_000 });
    stack.cosmos.setFaults({ latencyMs: 20 });
    const talks = Array.from({ length: 40 }, () => conversation(2));
    for (const { snapshot } of talks) await show(snapshot);
    const worker = startWorkerProcess({ ...stack.environment });
    await Promise.all(talks.map(({ event }) => announce(event)));
    await expect.poll(() => counters().entities[path]?.completed).toBeGreaterThan(3);
    worker.kill('SIGKILL');
    await worker.exited;
    startWorkerProcess({ ...stack.environment });
    await expect.poll(() => counters().entities[path]?.completed).toBe(40);
    for (const { snapshot, userId, sessionId } of talks)
      expect(stack.cosmos.read(userId, sessionId)?.messages).toEqual(snapshot.messages);
  });

  test('keys are announced loudly at the start, and never shown', async () => {
    const { stack } = await setTheScene();
    const worker = startWorkerProcess({ ...stack.environment });
    await expect.poll(() => worker.said('receiving')).toBe(true);
    expect(worker.lines[0]).toMatchObject({
      level: 'WARNING',
      variables: expect.arrayContaining(['COSMOS_KEY', 'REDIS_PASSWORD']),
    });
    const printed = JSON.stringify(worker.lines) + worker.errors();
    for (const secret of [
      stack.environment.COSMOS_KEY,
      stack.environment.REDIS_PASSWORD,
      stack.environment.AZURE_AI_API_KEY,
    ])
      expect(printed).not.toContain(secret);
  });
});
