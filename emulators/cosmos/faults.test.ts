import { once } from 'node:events';
import { createConnection } from 'node:net';
import { expect, test, vi } from 'vitest';
import { errorOf, openForTest } from './open-for-test.ts';

test('the client waits as long as a 429 tells it, and then gets through', async () => {
  const { cosmos, container } = await openForTest({ requestUnitsPerSecond: 20 });
  const x = 'x'.repeat(10_000);
  await container.items.create({ id: 'a', userId: 'u', x });
  await container.items.create({ id: 'b', userId: 'u', x });
  await container.items.create({ id: 'c', userId: 'u', x });
  const before = performance.now();
  await container.items.create({ id: 'd', userId: 'u', x });
  expect(cosmos.counters().writesRefused.throttled429).toBeGreaterThan(0);
  expect(performance.now() - before).toBeGreaterThan(50);
  cosmos.setFaults({ requestUnitsPerSecond: null });
  cosmos.resetCounters();
  for (const id of ['e', 'f', 'g', 'h']) await container.items.create({ id, userId: 'u', x });
  expect(cosmos.counters().writesRefused.throttled429).toBe(0);
});

test('a set status strikes every nth of the named operations', async () => {
  const { cosmos, container } = await openForTest();
  await container.items.create({ id: 'warm', userId: 'u' });
  cosmos.setFaults({ status: { code: 449, operations: ['replace'], every: 2 } });
  const outcomes: unknown[] = [];
  for (let n = 0; n < 4; n += 1) {
    const write = container.item('warm', 'u').replace({ id: 'warm', userId: 'u' });
    outcomes.push(
      await write.then(
        ({ statusCode }) => statusCode,
        ({ code }) => code,
      ),
    );
  }
  expect(outcomes).toEqual([200, 449, 200, 449]);
});

test('an account-wide 403 concerns everything', async () => {
  const { cosmos, client } = await openForTest();
  cosmos.setFaults({ status: { code: 403, substatus: 5 } });
  expect(await errorOf(client.database('db').read())).toMatchObject({ code: 403 });
  cosmos.setFaults({ status: null });
  expect((await client.database('db').read()).statusCode).toBe(200);
});

test('a full partition refuses its own writes with 403/1014, and still lets delete', async () => {
  const { cosmos, container } = await openForTest();
  cosmos.put({ id: 's', userId: 'u' });
  cosmos.setFaults({ partitionFull: ['u'] });
  const create = container.items.create({ id: 't', userId: 'u' });
  expect(await errorOf(create)).toMatchObject({ code: 403, substatus: 1014 });
  expect((await container.item('s', 'u').delete()).statusCode).toBe(204);
});

test('frozen, it takes requests and never answers', async () => {
  const { cosmos, container } = await openForTest(
    {},
    { requestTimeout: 200, enableEndpointDiscovery: false },
  );
  cosmos.put({ id: 's', userId: 'u' });
  cosmos.setFaults({ freeze: true });
  expect(await errorOf(container.item('s', 'u').read())).toMatchObject({ name: 'TimeoutError' });
  expect(cosmos.counters().requests).toBe(1);
  cosmos.setFaults({ freeze: false });
  expect((await container.item('s', 'u').read()).statusCode).toBe(200);
});

test('every nth item request is never answered, and not carried out; the rest is as always', async () => {
  const { cosmos, container } = await openForTest(
    {},
    { requestTimeout: 200, enableEndpointDiscovery: false },
  );
  await container.items.create({ id: 'warm', userId: 'u' });
  cosmos.setFaults({ freezeEvery: 3 });
  const outcomes: unknown[] = [];
  for (const id of ['a', 'b', 'c', 'd']) {
    const write = container.items.create({ id, userId: 'u' });
    outcomes.push(
      await write.then(
        () => id,
        ({ name }) => name,
      ),
    );
  }
  expect(outcomes).toEqual(['a', 'b', 'TimeoutError', 'd']);
  expect(cosmos.items().map(({ id }) => id)).toEqual(['warm', 'a', 'b', 'd']);
  cosmos.setFaults({ freezeEvery: null });
  for (const id of ['e', 'f', 'g']) await container.items.create({ id, userId: 'u' });
});

test('every nth item request is reset before it is carried out', async () => {
  const { cosmos, container } = await openForTest();
  await container.items.create({ id: 'warm', userId: 'u' });
  cosmos.setFaults({ refuseEvery: 2 });
  const outcomes: unknown[] = [];
  for (const id of ['a', 'b', 'c', 'd']) {
    const write = container.items.create({ id, userId: 'u' });
    outcomes.push(
      await write.then(
        () => id,
        ({ code }) => code,
      ),
    );
  }
  expect(outcomes).toEqual(['a', 'ECONNRESET', 'c', 'ECONNRESET']);
  expect(cosmos.items().map(({ id }) => id)).toEqual(['warm', 'a', 'c']);
  cosmos.setFaults({ refuseEvery: null });
  for (const id of ['b', 'd']) await container.items.create({ id, userId: 'u' });
});

test('refusing connections ends those that are open and every new one', async () => {
  const { cosmos } = await openForTest();
  const port = Number(new URL(cosmos.endpoint).port);
  const connect = async () => {
    const socket = createConnection(port, '127.0.0.1');
    socket.on('error', () => socket.destroy());
    await once(socket, 'connect');
    return socket;
  };
  const open = await connect();
  // The server may learn of the connection a moment after the client does.
  await vi.waitFor(() => {
    cosmos.setFaults({ refuseConnections: true });
    expect(open.destroyed || open.readableEnded || open.closed).toBe(true);
  });
  const next = await connect();
  await once(next, 'close');
  cosmos.setFaults({ refuseConnections: false });
  (await connect()).destroy();
});

test('latency is added to every answer', async () => {
  const { cosmos, container } = await openForTest();
  await container.items.create({ id: 's', userId: 'u' });
  cosmos.setFaults({ latencyMs: 400 });
  const before = performance.now();
  await Promise.all([container.item('s', 'u').read(), container.item('s', 'u').read()]);
  expect(performance.now() - before).toBeGreaterThan(398);
  expect(cosmos.counters().concurrentPeak).toBe(2);
});

test('an unknown outcome is counted as a write, and only so many are lost', async () => {
  const { cosmos, container } = await openForTest();
  await container.items.create({ id: 'warm', userId: 'u' });
  cosmos.setFaults({ dropAfterCommit: 1 });
  expect(await errorOf(container.items.create({ id: 'warm', userId: 'u' }))).toMatchObject({ code: 409 });
  await errorOf(container.items.create({ id: 's', userId: 'u' }));
  expect(cosmos.read('u', 's')).toBeDefined();
  expect((await container.items.create({ id: 't', userId: 'u' })).statusCode).toBe(201);
  expect(cosmos.counters().writes.create).toBe(3);
});

test('wrong faults are refused', async () => {
  const { cosmos } = await openForTest();
  expect(() => cosmos.setFaults({ slow: 1 })).toThrow(/Known are: latencyMs, freeze/);
  expect(() => cosmos.setFaults({ latencyMs: 'long' })).toThrow(/latencyMs/);
  expect(() => cosmos.setFaults({ status: { code: 200 } })).toThrow(/code/);
  expect(() => cosmos.setFaults({ freezeEvery: 0 })).toThrow(/freezeEvery/);
  expect(() => cosmos.setFaults({ refuseEvery: 1.5 })).toThrow(/refuseEvery/);
});
