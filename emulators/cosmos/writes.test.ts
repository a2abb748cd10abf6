import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BulkOperationType, type PatchOperation } from '@azure/cosmos';
import { expect, onTestFinished, test } from 'vitest';
import { startCosmos } from './index.ts';
import { errorOf, openForTest } from './open-for-test.ts';

test('fifty concurrent read-modify-write loops lose no increment', async () => {
  const { cosmos, container } = await openForTest();
  cosmos.put({ id: 'n', userId: 'u', count: 0 });
  const increment = async (): Promise<void> => {
    const { resource, etag } = await container.item('n', 'u').read();
    const accessCondition = { type: 'IfMatch', condition: etag };
    try {
      await container.item('n', 'u').replace({ ...resource, count: resource.count + 1 }, { accessCondition });
    } catch (error) {
      if ((error as { code?: unknown }).code !== 412) throw error;
      return increment();
    }
  };
  await Promise.all(Array.from({ length: 50 }, increment));
  expect(cosmos.read('u', 'n')).toMatchObject({ count: 50 });
  expect(cosmos.counters().writes.replace).toBe(50);
});

test('what the service adds is of its form, and is not stored when it is sent back', async () => {
  const { cosmos, container } = await openForTest();
  const { resource, etag } = await container.items.create({ id: 's', userId: 'u' });
  expect(Object.keys(resource!)).toEqual(['id', 'userId', '_rid', '_self', '_etag', '_attachments', '_ts']);
  expect(resource!._etag).toBe(etag);
  await container.item('s', 'u').replace({ ...resource, _etag: '"forged"', title: 'x' } as never);
  expect(cosmos.read('u', 's')!._etag).not.toBe('"forged"');
  expect(cosmos.read('u', 's')).toMatchObject({ title: 'x', _rid: resource!._rid });
});

test('a read that has not changed is 304; an upsert with If-None-Match * never overwrites', async () => {
  const { container } = await openForTest();
  const { etag } = await container.items.create({ id: 's', userId: 'u' });
  const unchanged = await container
    .item('s', 'u')
    .read({ accessCondition: { type: 'IfNoneMatch', condition: etag } });
  expect(unchanged.statusCode).toBe(304);
  const absent = { accessCondition: { type: 'IfNoneMatch', condition: '*' } };
  expect(await errorOf(container.items.upsert({ id: 's', userId: 'u' }, absent))).toMatchObject({
    code: 412,
  });
  expect((await container.items.upsert({ id: 't', userId: 'u' }, absent)).statusCode).toBe(201);
  expect((await container.items.upsert({ id: 't', userId: 'u' })).statusCode).toBe(200);
});

test('an item sent to another partition than its own is 400/1001', async () => {
  const { cosmos } = await openForTest();
  const date = new Date().toUTCString();
  const text = `post\ndocs\ndbs/db/colls/history\n${date.toLowerCase()}\n\n`;
  const sig = createHmac('sha256', Buffer.from(cosmos.key, 'base64')).update(text).digest('base64');
  const headers = {
    'x-ms-date': date,
    authorization: encodeURIComponent(`type=master&ver=1.0&sig=${sig}`),
    'x-ms-documentdb-partitionkey': '["v"]',
  };
  const body = JSON.stringify({ id: 's', userId: 'u' });
  const answer = await fetch(`${cosmos.endpoint}dbs/db/colls/history/docs`, {
    method: 'POST',
    headers,
    body,
  });
  expect([answer.status, answer.headers.get('x-ms-substatus')]).toEqual([400, '1001']);
  expect(cosmos.items()).toEqual([]);
});

test('partitions by any single path; 1 and "1" and none are three', async () => {
  const { container, cosmos } = await openForTest({ partitionKeyPath: '/of/user' });
  for (const of of [{ user: 1 }, { user: '1' }, {}]) await container.items.create({ id: 's', of });
  expect(cosmos.items()).toHaveLength(3);
  expect((await container.item('s', 1).read()).resource.of).toEqual({ user: 1 });
  expect((await container.item('s', '1').read()).resource.of).toEqual({ user: '1' });
  expect((await container.item('s').read()).resource.of).toEqual({});
});

const patched = async (item: Record<string, unknown>, operations: PatchOperation[]) => {
  const { cosmos, container } = await openForTest();
  cosmos.put({ id: 's', userId: 'u', ...item });
  await container.item('s', 'u').patch(operations);
  const { id, userId, _rid, _self, _etag, _attachments, _ts, ...rest } = cosmos.read('u', 's')!;
  return rest;
};

test('patch: every operation, in order', async () => {
  const result = await patched({ list: [1, 2, 3], n: 1, old: 'x', 'a/b': { c: 1 } }, [
    { op: 'add', path: '/list/1', value: 'new' },
    { op: 'add', path: '/list/-', value: 'last' },
    { op: 'set', path: '/list/0', value: 'first' },
    { op: 'remove', path: '/list/3' },
    { op: 'incr', path: '/n', value: 2 },
    { op: 'incr', path: '/fresh', value: 5 },
    { op: 'move', from: '/old', path: '/moved' } as never,
    { op: 'replace', path: '/a~1b/c', value: null },
    { op: 'set', path: '/made', value: [] },
  ]);
  const list = ['first', 'new', 2, 'last'];
  expect(result).toEqual({ list, n: 3, fresh: 5, moved: 'x', 'a/b': { c: null }, made: [] });
});

test.each([
  { op: 'replace' as const, path: '/none', value: 1 },
  { op: 'remove' as const, path: '/none' },
  { op: 'add' as const, path: '/none/deep', value: 1 },
  { op: 'add' as const, path: '/list/9', value: 1 },
  { op: 'set' as const, path: '/list/-', value: 1 },
  { op: 'incr' as const, path: '/list', value: 1 },
  { op: 'set' as const, path: '/userId', value: 'v' },
  { op: 'set' as const, path: '/id', value: 'v' },
  { op: 'set' as const, path: '/_ts', value: 1 },
])('patch: $op of $path is refused, and what stood before it is undone', async (operation) => {
  const { cosmos, container } = await openForTest();
  cosmos.put({ id: 's', userId: 'u', list: [1] });
  const patch = container.item('s', 'u').patch([{ op: 'set', path: '/before', value: 1 }, operation]);
  expect(await errorOf(patch)).toMatchObject({ code: 400 });
  expect(cosmos.read('u', 's')).not.toHaveProperty('before');
});

test('a batch of all kinds is one; a lost etag in it undoes all', async () => {
  const { cosmos, container } = await openForTest();
  for (const id of ['a', 'b', 'c']) cosmos.put({ id, userId: 'u', n: 0 });
  const done = await container.items.batch(
    [
      { operationType: BulkOperationType.Create, resourceBody: { id: 'new', userId: 'u' } },
      { operationType: BulkOperationType.Upsert, resourceBody: { id: 'a', userId: 'u', n: 1 } },
      { operationType: BulkOperationType.Replace, id: 'b', resourceBody: { id: 'b', userId: 'u', n: 1 } },
      {
        operationType: BulkOperationType.Patch,
        id: 'b',
        resourceBody: { operations: [{ op: 'incr', path: '/n', value: 1 }] },
      },
      { operationType: BulkOperationType.Read, id: 'b' },
      { operationType: BulkOperationType.Delete, id: 'c' },
    ],
    'u',
  );
  expect(done.result!.map(({ statusCode }) => statusCode)).toEqual([201, 200, 200, 200, 200, 204]);
  expect(done.result![4]!.resourceBody).toMatchObject({ n: 2 });
  const before = cosmos.items();
  const lost = await container.items.batch(
    [
      { operationType: BulkOperationType.Delete, id: 'a' },
      {
        operationType: BulkOperationType.Replace,
        id: 'b',
        resourceBody: { id: 'b', userId: 'u' },
        ifMatch: '"old"',
      },
      { operationType: BulkOperationType.Create, resourceBody: { id: 'd', userId: 'u' } },
    ],
    'u',
  );
  expect([lost.code, lost.result!.map(({ statusCode }) => statusCode)]).toEqual([207, [424, 412, 424]]);
  expect(cosmos.items()).toEqual(before);
  expect(cosmos.counters().writes).toMatchObject({ batch: 1, create: 1, delete: 1 });
});

test('bulk operations go each to a partition of its own and fail alone', async () => {
  const { cosmos, container } = await openForTest();
  cosmos.put({ id: 's', userId: 'u1' });
  const results = await container.items.executeBulkOperations(
    ['u1', 'u2', 'u3'].map((userId) => ({
      operationType: BulkOperationType.Create,
      partitionKey: userId,
      resourceBody: { id: 's', userId },
    })),
  );
  const codes = results.map(({ response, error }) => response?.statusCode ?? error?.code);
  expect(codes).toEqual([409, 201, 201]);
});

test('a container keeps its time to live when it is changed, and the clock can be advanced', async () => {
  const { cosmos, container } = await openForTest();
  cosmos.put({ id: 'own', userId: 'u', ttl: 10 });
  cosmos.put({ id: 'plain', userId: 'u' });
  cosmos.act('advanceClock', { seconds: 11 });
  expect(cosmos.items()).toHaveLength(2);
  const { resource } = await container.read();
  await container.replace({ ...resource!, defaultTtl: 60 });
  expect((await container.item('own', 'u').read()).statusCode).toBe(404);
  cosmos.act('advanceClock', { seconds: 60 });
  expect(cosmos.items()).toEqual([]);
  expect(() => cosmos.act('nothing')).toThrow(/advanceClock/);
});

test('data and etags outlive a restart, and no etag comes twice', async () => {
  const dataFolder = await mkdtemp(join(tmpdir(), 'cosmos-'));
  onTestFinished(() => rm(dataFolder, { recursive: true }));
  const options = { database: 'db', container: 'history', dataFolder, now: () => 1_000_000 };
  const etags: unknown[] = [];
  for (let start = 0; start < 3; start += 1) {
    const cosmos = await startCosmos(options);
    if (start > 0) expect(cosmos.read('u', 's')!._etag).toBe(etags.at(-1));
    cosmos.put({ id: 's', userId: 'u', start });
    etags.push(cosmos.read('u', 's')!._etag);
    await cosmos.close();
  }
  expect(new Set(etags).size).toBe(3);
});

test('an item is nested 128 levels deep at most, also by a patch', async () => {
  const { container } = await openForTest();
  const nested = (levels: number): object => (levels === 1 ? [] : { in: [nested(levels - 2)] });
  await container.items.create({ id: 'deep', userId: 'u', data: nested(127) });
  const error = { code: 400, message: expect.stringContaining('128 levels') };
  expect(await errorOf(container.items.create({ id: 'x', userId: 'u', data: [nested(127)] }))).toMatchObject(
    error,
  );
  const deeper = [{ op: 'set' as const, path: '/data', value: [nested(127)] }];
  expect(await errorOf(container.item('deep', 'u').patch(deeper))).toMatchObject(error);
  expect((await container.item('deep', 'u').read()).resource.data).toEqual(nested(127));
});

test.each([
  ['quotes, which JSON doubles', '"', 2048, 1023],
  ['control characters, which JSON writes in six', '\u0001', 2048, 1023],
  ['letters of two bytes', 'é', 1024, 511],
  ['signs of four bytes', '😀', 512, 255],
])('of %s a partition key holds 2,048 bytes and an id 1,023', async (_, sign, keySigns, idSigns) => {
  const { container } = await openForTest();
  const id = sign.repeat(idSigns);
  const userId = sign.repeat(keySigns);
  await container.items.create({ id, userId });
  expect((await container.item(id, userId).read()).resource).toMatchObject({ id, userId });
  const refused = async (promise: Promise<unknown>, limit: string) =>
    expect(await errorOf(promise)).toMatchObject({ code: 400, message: expect.stringContaining(limit) });
  await refused(container.items.create({ id, userId: `${userId}x` }), '2,048');
  await refused(container.item(id, `${userId}x`).read(), '2,048');
  await refused(container.items.create({ id: `${id}${sign}`, userId }), '1,023');
});
