import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Container, CosmosClient } from '@azure/cosmos';
import { afterEach, describe, expect, test } from 'vitest';
import { type CosmosOptions, startCosmos } from './index.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

async function setUp(options: CosmosOptions = {}) {
  const cosmos = await startCosmos({ database: 'db', container: 'history', ...options });
  const client = new CosmosClient({
    endpoint: cosmos.endpoint,
    key: cosmos.key,
    connectionPolicy: {
      retryOptions: { maxRetryAttemptCount: 2, fixedRetryIntervalInMilliseconds: 0, maxWaitTimeInSeconds: 2 },
    },
  });
  cleanUp.push(
    () => cosmos.close(),
    () => client.dispose(),
  );
  return { cosmos, client, container: client.database('db').container('history') };
}
const item = (id: string, userId = 'u', fields: Record<string, unknown> = {}) => ({
  id,
  userId,
  messages: ['a'],
  ...fields,
});
const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (error) => error.code,
  );
const ids = async (container: Container, query: string, options = {}): Promise<unknown[]> =>
  (await container.items.query(query, options).fetchAll()).resources.map((found) => found.id ?? found);

describe('items', () => {
  test('are created once, read, replaced and deleted, with quoted etags', async () => {
    const { container } = await setUp();
    const created = await container.items.create(item('s'));
    expect(created.statusCode).toBe(201);
    expect(created.etag).toMatch(/^".+"$/);
    expect(await codeOf(container.items.create(item('s')))).toBe(409);
    expect((await container.item('s', 'u').read()).resource).toMatchObject({
      ...item('s'),
      _etag: created.etag,
      _ts: expect.any(Number),
    });
    await container.item('s', 'u').replace(item('s', 'u', { title: 'x' }));
    expect((await container.item('s', 'u').read()).resource.title).toBe('x');
    await container.item('s', 'u').delete();
    expect((await container.item('s', 'u').read()).statusCode).toBe(404);
  });

  test('a stale etag is refused for every kind of write', async () => {
    const { container } = await setUp();
    const { etag } = await container.items.create(item('s'));
    await container.item('s', 'u').replace(item('s'));
    const stale = { accessCondition: { type: 'IfMatch', condition: etag } };
    const it = container.item('s', 'u');
    for (const write of [
      it.replace(item('s'), stale),
      it.patch([{ op: 'set', path: '/x', value: 1 }], stale),
      it.delete(stale),
      container.items.upsert(item('s'), stale),
    ])
      expect(await codeOf(write)).toBe(412);
  });

  test('of fifty writers with one etag, one wins', async () => {
    const { container } = await setUp();
    const { etag } = await container.items.create(item('s'));
    const condition = { accessCondition: { type: 'IfMatch', condition: etag } };
    const codes = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        codeOf(container.item('s', 'u').replace(item('s', 'u', { n }), condition)),
      ),
    );
    expect(codes.filter((code) => code === 'no error')).toHaveLength(1);
    expect(codes.filter((code) => code === 412)).toHaveLength(49);
  });

  test('a patch appends in order, and only while its condition holds', async () => {
    const { container } = await setUp();
    await container.items.create(item('s', 'u', { title: 'New Conversation' }));
    const append = [
      { op: 'add' as const, path: '/messages/-', value: 'b' },
      { op: 'add' as const, path: '/messages/-', value: 'c' },
    ];
    const condition = "from c where c.title = 'New Conversation'";
    await container
      .item('s', 'u')
      .patch({ condition, operations: [...append, { op: 'set', path: '/title', value: 'T' }] });
    expect(await codeOf(container.item('s', 'u').patch({ condition, operations: append }))).toBe(412);
    expect((await container.item('s', 'u').read()).resource).toMatchObject({
      title: 'T',
      messages: ['a', 'b', 'c'],
    });
    expect(await codeOf(container.item('s', 'u').patch([{ op: 'set', path: '/userId', value: 'v' }]))).toBe(
      400,
    );
    expect(
      await codeOf(
        container
          .item('s', 'u')
          .patch(Array.from({ length: 11 }, (_, n) => ({ op: 'set' as const, path: `/f${n}`, value: n }))),
      ),
    ).toBe(400);
  });

  test("two users' items of one id are two, and neither sees the other's", async () => {
    const { container } = await setUp();
    await container.items.create(item('s', 'u', { whose: 'u' }));
    await container.items.create(item('s', 'v', { whose: 'v' }));
    expect((await container.item('s', 'v').read()).resource.whose).toBe('v');
    expect((await container.item('s', 'w').read()).statusCode).toBe(404);
    const { resources } = await container.items
      .query('SELECT c.whose FROM c', { partitionKey: 'u' })
      .fetchAll();
    expect(resources).toEqual([{ whose: 'u' }]);
    expect(
      (await container.items.readAll({ partitionKey: 'v' }).fetchAll()).resources.map(({ whose }) => whose),
    ).toEqual(['v']);
  });

  test('an item over 2 MB is refused, one just under is not', async () => {
    const { container } = await setUp();
    expect(await codeOf(container.items.create(item('big', 'u', { x: 'x'.repeat(2 * 1024 * 1024) })))).toBe(
      413,
    );
    expect(
      await codeOf(container.items.create(item('near', 'u', { x: 'x'.repeat(2 * 1024 * 1024 - 500) }))),
    ).toBe('no error');
  });

  test('a batch is atomic', async () => {
    const { cosmos, container } = await setUp();
    await container.items.create(item('there'));
    const failed = await container.items.batch(
      [
        { operationType: 'Create', resourceBody: item('new') },
        { operationType: 'Create', resourceBody: item('there') },
      ],
      'u',
    );
    expect(failed.result?.map(({ statusCode }) => statusCode)).toEqual([424, 409]);
    expect(cosmos.read('u', 'new')).toBeUndefined();
    const done = await container.items.batch(
      [
        { operationType: 'Create', resourceBody: item('new') },
        { operationType: 'Delete', id: 'there' },
      ],
      'u',
    );
    expect(done.result?.map(({ statusCode }) => statusCode)).toEqual([201, 204]);
    expect(cosmos.items().map(({ id }) => id)).toEqual(['new']);
  });

  test('expire by the time to live of the item or the container', async () => {
    let clock = 1_000_000;
    const { cosmos, container } = await setUp({ defaultTtl: 100, now: () => clock });
    await container.items.create(item('short', 'u', { ttl: 10 }));
    await container.items.create(item('long'));
    await container.items.create(item('ever', 'u', { ttl: -1 }));
    clock += 11_000;
    expect(cosmos.items().map(({ id }) => id)).toEqual(['long', 'ever']);
    clock += 100_000;
    expect(cosmos.items().map(({ id }) => id)).toEqual(['ever']);
    expect(await codeOf(container.items.create(item('short')))).toBe('no error');
  });
});

describe('queries', () => {
  test('filter, order, page and count, within a partition and across', async () => {
    const { container } = await setUp();
    for (let n = 0; n < 7; n += 1)
      await container.items.create(
        item(`s${n}`, n < 5 ? 'u' : 'v', { n, ...(n === 3 ? { type: 'segment' } : {}) }),
      );
    const all = "SELECT * FROM c WHERE NOT IS_DEFINED(c.type) OR c.type != 'segment' ORDER BY c.n DESC";
    expect(await ids(container, all, { partitionKey: 'u' })).toEqual(['s4', 's2', 's1', 's0']);
    expect(await ids(container, all)).toEqual(['s6', 's5', 's4', 's2', 's1', 's0']);
    expect(
      await ids(container, 'SELECT VALUE COUNT(1) FROM c WHERE c.n >= 2', { partitionKey: 'u' }),
    ).toEqual([3]);
    const pages = container.items.query('SELECT c.id FROM c', { partitionKey: 'u', maxItemCount: 2 });
    const sizes: number[] = [];
    while (pages.hasMoreResults()) sizes.push((await pages.fetchNext()).resources?.length ?? 0);
    expect(sizes.filter(Boolean)).toEqual([2, 2, 1]);
    const { resources } = await container.items
      .query(
        { query: 'SELECT c.id FROM c WHERE c.n = @n', parameters: [{ name: '@n', value: 1 }] },
        { partitionKey: 'u' },
      )
      .fetchAll();
    expect(resources).toEqual([{ id: 's1' }]);
  });

  test.each([
    'SELECT c.id, SUM(c.n) FROM c',
    'SELECT * FROM c JOIN m IN c.messages',
    'SELECT DISTINCT c.id FROM c',
    'SELECT * FROM c WHERE c.n LIKE "x"',
    'SELECT * FROM c GROUP BY c.n',
  ])('%s is refused, never answered wrongly', async (query) => {
    const { container } = await setUp();
    expect(await codeOf(container.items.query(query, { partitionKey: 'u' }).fetchAll())).toBe(400);
  });
});

describe('the account', () => {
  test('a wrong key is refused', async () => {
    const { cosmos } = await setUp();
    const client = new CosmosClient({
      endpoint: cosmos.endpoint,
      key: Buffer.from('wrong').toString('base64'),
    });
    cleanUp.push(() => client.dispose());
    expect(await codeOf(client.database('db').container('history').read())).toBe(401);
  });

  test('a missing container is told by its substatus, which the client does not throw for a read', async () => {
    const { client } = await setUp();
    const gone = client.database('db').container('gone');
    expect(await gone.item('s', 'u').read()).toMatchObject({ statusCode: 404, substatus: 1003 });
    expect(await codeOf(gone.read())).toBe(404);
  });

  test('databases and containers can be made by the client', async () => {
    const { client } = await setUp();
    const { database } = await client.databases.createIfNotExists({ id: 'other' });
    const { container } = await database.containers.createIfNotExists({
      id: 'c',
      partitionKey: { paths: ['/sessionId'] },
    });
    expect(await codeOf(container.items.create({ id: 's', sessionId: 's' }))).toBe('no error');
    expect(
      await codeOf(
        database.containers.create({ id: 'deep', partitionKey: { paths: ['/a', '/b'] } as never }),
      ),
    ).toBe(400);
  });

  test('charges grow with the size, and a read is cheaper than a write', async () => {
    const { cosmos, container } = await setUp();
    const small = await container.items.create(item('small'));
    const large = await container.items.create(item('large', 'u', { x: 'x'.repeat(100_000) }));
    const read = await container.item('large', 'u').read();
    expect(small.requestCharge).toBeCloseTo(4.95);
    expect(large.requestCharge).toBeGreaterThan(30);
    expect(read.requestCharge).toBeLessThan(large.requestCharge / 3);
    expect(cosmos.counters().requestUnits).toBeCloseTo(
      small.requestCharge + large.requestCharge + read.requestCharge,
    );
  });

  test('a budget throttles with the time to wait, which the client honours', async () => {
    let clock = 0;
    const { cosmos, container } = await setUp({ now: () => clock });
    await container.items.create(item('warm'));
    cosmos.setFaults({ requestUnitsPerSecond: 10 });
    await container.items.create(item('a', 'u', { x: 'x'.repeat(10_000) }));
    await container.items.create(item('b'));
    const error = await container.items.create(item('c')).catch((refused) => refused);
    expect(error).toMatchObject({ code: 429, substatus: 3200 });
    clock += 1_000;
    expect(await codeOf(container.items.create(item('c')))).toBe('no error');
    expect(cosmos.counters().writesRefused.throttled429).toBeGreaterThan(0);
  });
});

describe('faults', () => {
  test('a write whose answer is lost is there all the same', async () => {
    const { cosmos, container } = await setUp();
    await container.items.create(item('warm'));
    cosmos.setFaults({ dropAfterCommit: 1 });
    expect(await codeOf(container.items.create(item('s')))).not.toBe('no error');
    expect(cosmos.read('u', 's')).toMatchObject(item('s'));
  });

  test('a status is answered to the named operations, so many times', async () => {
    const { cosmos, container } = await setUp();
    await container.items.create(item('warm'));
    cosmos.setFaults({ status: { code: 503, operations: ['create'], count: 1 } });
    expect(await codeOf(container.item('warm', 'u').read())).toBe('no error');
    expect(await codeOf(container.items.create(item('s')))).toBe(503);
    expect(await codeOf(container.items.create(item('s')))).toBe('no error');
    cosmos.setFaults({ partitionFull: ['u'] });
    expect(await codeOf(container.items.create(item('t')))).toBe(403);
    expect(await codeOf(container.items.create(item('t', 'v')))).toBe('no error');
  });

  test('an unknown fault is refused with the known ones', async () => {
    const { cosmos } = await setUp();
    expect(() => cosmos.setFaults({ latency: 5 } as never)).toThrow(/latencyMs/);
  });
});

test('what was acknowledged survives kill -9', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cosmos-'));
  cleanUp.push(() => rmSync(folder, { recursive: true, force: true }));
  const script = `import { startCosmos } from ${JSON.stringify(import.meta.resolve('./index.ts'))};
    const cosmos = await startCosmos({ database: 'db', container: 'history', dataFolder: ${JSON.stringify(folder)} });
    console.log(cosmos.endpoint);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [endpoint] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { EMULATOR_KEY: key } = await import('./auth.ts');
  const client = new CosmosClient({ endpoint, key });
  cleanUp.push(() => client.dispose());
  const acknowledged: string[] = [];
  const writer = async (name: string): Promise<void> => {
    for (let n = 0; ; n += 1) {
      await client
        .database('db')
        .container('history')
        .items.create(item(`${name}-${n}`));
      acknowledged.push(`${name}-${n}`);
      if (acknowledged.length === 200) child.kill('SIGKILL');
    }
  };
  await Promise.allSettled(['a', 'b', 'c', 'd', 'e'].map(writer));
  const again = await startCosmos({ database: 'db', container: 'history', dataFolder: folder });
  cleanUp.push(() => again.close());
  const stored = new Set(again.items().map(({ id }) => id));
  expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
  expect(acknowledged.length).toBeGreaterThanOrEqual(200);
});
