import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Container, CosmosClient } from '@azure/cosmos';
import { expect, onTestFinished, test } from 'vitest';
import { startCosmos } from './index.ts';
import { askRaw, errorOf, openForTest } from './open-for-test.ts';

type Case = [what: string, act: (container: Container) => Promise<unknown>, named: RegExp];
const only = (type: 'IfMatch' | 'IfNoneMatch', condition: string) => ({
  accessCondition: { type, condition },
});

test.each<Case>([
  [
    'a create with If-Match',
    (c) => c.items.create({ id: 'n', userId: 'u' }, only('IfMatch', '"e"')),
    /create/,
  ],
  [
    'one with an etag that must not be',
    (c) => c.items.create({ id: 'n', userId: 'u' }, only('IfNoneMatch', '"e"')),
    /create/,
  ],
  ['a read with If-Match', (c) => c.item('s', 'u').read(only('IfMatch', '"e"')), /read/],
  [
    'a longer life than the service knows',
    (c) => c.items.create({ id: 'n', userId: 'u', ttl: 2 ** 31 }),
    /2147483647/,
  ],
  [
    'a patch that copies',
    (c) => c.item('s', 'u').patch([{ op: 'copy', path: '/a', from: '/b' } as never]),
    /"add".*\[0\]\.op/s,
  ],
  [
    'a patch with a condition that tests',
    (c) =>
      c
        .item('s', 'u')
        .patch({ condition: 'FROM c WHERE true', operations: [{ op: 'test', path: '/a' } as never] }),
    /"add".*operations\[0\]\.op/s,
  ],
  ['the deletion of a partition', (c) => c.deleteAllItemsForPartitionKey('u'), /partitionkeydelete/],
])('%s is refused with a 400 that names it', async (_, act, named) => {
  const { cosmos, container } = await openForTest();
  cosmos.put({ id: 's', userId: 'u', b: 1 });
  const before = cosmos.items();
  const error = await errorOf(act(container));
  expect(error).toMatchObject({ code: 400 });
  expect(error.message).toMatch(named);
  expect(cosmos.items()).toEqual(before);
});

test('a create that must be the first is one, in a batch too', async () => {
  const { container } = await openForTest();
  expect((await container.items.create({ id: 'a', userId: 'u' }, only('IfNoneMatch', '*'))).statusCode).toBe(
    201,
  );
  const conditional = {
    operationType: 'Create' as const,
    ifMatch: '"e"',
    resourceBody: { id: 'b', userId: 'u' },
  };
  expect((await container.items.batch([conditional], 'u')).result).toMatchObject([{ statusCode: 400 }]);
});

test.each([
  [{ partitionKey: { paths: ['/"a b"'] } }, /Quotes/],
  [{ partitionKey: { paths: ['/a'] }, defaultTtl: 2 ** 31 }, /2147483647/],
])('a container like %o is refused', async (definition, named) => {
  const { client } = await openForTest();
  const error = await errorOf(client.database('db').containers.create({ id: 'c', ...definition }));
  expect(error).toMatchObject({ code: 400 });
  expect(error.message).toMatch(named);
});

test('a client that wants to read more strictly than the account does is told so', async () => {
  const { cosmos } = await openForTest();
  cosmos.put({ id: 's', userId: 'u' });
  const read = async (consistencyLevel: 'Strong' | 'Eventual') => {
    const client = new CosmosClient({ endpoint: cosmos.endpoint, key: cosmos.key, consistencyLevel });
    onTestFinished(() => client.dispose());
    return client.database('db').container('history').item('s', 'u').read();
  };
  expect((await errorOf(read('Strong'))).message).toMatch(/Strong.*Session/);
  expect((await read('Eventual')).statusCode).toBe(200);
});

test.each([
  ['GET', 'docs/s/attachments', undefined, /not supported/],
  ['POST', 'docs', '{"query":"SELECT * FROM c","parameters":[null]}', /parameters/],
  ['POST', 'docs', '{"query":"SELECT * FROM c","parameters":[{"name":"a"}]}', /must start with/],
])('%s %s without the official client is understood or refused', async (method, path, body, named) => {
  const { cosmos } = await openForTest();
  cosmos.put({ id: 's', userId: 'u' });
  const headers = {
    'x-ms-documentdb-partitionkey': '["u"]',
    ...(body ? { 'x-ms-documentdb-isquery': 'true' } : {}),
  };
  const { status, text } = await askRaw(cosmos, method, path, headers, body);
  expect([status, text]).toEqual([400, expect.stringMatching(named)]);
});

test('a folder whose container has another partition key is not taken for one that has this', async () => {
  const dataFolder = mkdtempSync(join(tmpdir(), 'cosmos-'));
  onTestFinished(() => rmSync(dataFolder, { recursive: true }));
  const options = { dataFolder, database: 'db', container: 'history' };
  await (await startCosmos({ ...options, partitionKeyPath: '/of/user' })).close();
  expect((await errorOf(startCosmos(options))).message).toMatch(/history.*\/of\/user.*not \/userId/);
  await (await startCosmos({ ...options, partitionKeyPath: '/of/user' })).close();
});

test('a folder that another has open is not taken, and is free once that has ended', async () => {
  const dataFolder = mkdtempSync(join(tmpdir(), 'cosmos-'));
  onTestFinished(() => rmSync(dataFolder, { recursive: true }));
  const first = await startCosmos({ dataFolder });
  expect((await errorOf(startCosmos({ dataFolder }))).message).toContain(`in ${dataFolder} open`);
  await first.close();
  await (await startCosmos({ dataFolder })).close();
});
