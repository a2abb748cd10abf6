import { createHmac } from 'node:crypto';
import { Agent } from 'node:https';
import { CosmosClient } from '@azure/cosmos';
import { generate } from 'selfsigned';
import { expect, onTestFinished, test } from 'vitest';
import { errorOf, openForTest } from './open-for-test.ts';

const certificate = async () => {
  const altNames = [
    { type: 2 as const, value: 'localhost' },
    { type: 7 as const, ip: '127.0.0.1' },
  ];
  const made = await generate([{ name: 'commonName', value: 'localhost' }], {
    keySize: 2048,
    extensions: [{ name: 'subjectAltName', altNames }],
  });
  return { key: made.private, cert: made.cert };
};

const entraClient = (endpoint: string, ca: string, token: string) => {
  const client = new CosmosClient({
    endpoint,
    agent: new Agent({ ca }),
    aadCredentials: { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) },
  });
  onTestFinished(() => client.dispose());
  return client;
};

test('an Entra ID token that the callback accepts may use items, over TLS, on the same data', async () => {
  const tls = await certificate();
  const { cosmos, container } = await openForTest({ tls, authorize: (token) => token === 'good' });
  const client = entraClient(cosmos.tlsEndpoint!, tls.cert, 'good');
  await client.database('db').container('history').items.create({ id: 's', userId: 'u' });
  expect((await container.item('s', 'u').read()).statusCode).toBe(200);
  // Data-plane roles cannot manage: the service answers 403/5300.
  expect(await errorOf(client.databases.create({ id: 'x' }))).toMatchObject({ code: 403, substatus: 5300 });
});

test('another Entra ID token is refused, and any without a callback', async () => {
  const tls = await certificate();
  const strict = await openForTest({ tls, authorize: (token) => token === 'good' });
  const none = await openForTest({ tls });
  for (const { cosmos } of [strict, none]) {
    const client = entraClient(cosmos.tlsEndpoint!, tls.cert, 'bad');
    const read = client.database('db').container('history').item('s', 'u').read();
    expect(await errorOf(read)).toMatchObject({ code: 401 });
  }
});

test('an Entra ID token is refused without TLS, as is a request without authorization', async () => {
  const { cosmos } = await openForTest({ authorize: () => true });
  const url = `${cosmos.endpoint}dbs/db`;
  const date = new Date().toUTCString();
  const token = { 'x-ms-date': date, authorization: 'type=aad&ver=1.0&sig=good' };
  expect((await fetch(url, { headers: token })).status).toBe(401);
  expect((await fetch(url)).status).toBe(401);
});

test('a signature holds for its own path, verb and time only', async () => {
  const { cosmos } = await openForTest();
  const signed = (link: string, date: string) => {
    const text = `get\ndbs\n${link}\n${date.toLowerCase()}\n\n`;
    const sig = createHmac('sha256', Buffer.from(cosmos.key, 'base64')).update(text).digest('base64');
    return { 'x-ms-date': date, authorization: encodeURIComponent(`type=master&ver=1.0&sig=${sig}`) };
  };
  const status = async (headers: Record<string, string>, method = 'GET') =>
    (await fetch(`${cosmos.endpoint}dbs/db`, { method, headers })).status;
  const now = new Date().toUTCString();
  expect(await status(signed('dbs/db', now))).toBe(200);
  expect(await status(signed('dbs/other', now))).toBe(401);
  expect(await status(signed('dbs/db', now), 'DELETE')).toBe(401);
  expect(await status(signed('dbs/db', new Date(Date.now() - 3_600_000).toUTCString()))).toBe(403);
});

test('the account names the endpoint by which it was reached, and says when it has several write regions', async () => {
  const { cosmos, client } = await openForTest({ multipleWriteRegions: true });
  const { resource } = await client.getDatabaseAccount();
  expect(resource?.enableMultipleWritableLocations).toBe(true);
  expect(await client.getWriteEndpoint()).toBe(cosmos.endpoint);
  const single = await openForTest();
  expect((await single.client.getDatabaseAccount()).resource?.enableMultipleWritableLocations).not.toBe(true);
});

test('a session token comes with writes and is sent with reads', async () => {
  const { cosmos } = await openForTest();
  const client = new CosmosClient({
    endpoint: cosmos.endpoint,
    key: cosmos.key,
    consistencyLevel: 'Session',
  });
  onTestFinished(() => client.dispose());
  const container = client.database('db').container('history');
  const first = await container.items.create({ id: 's', userId: 'u' });
  expect(first.headers['x-ms-session-token']).toMatch(/^0:-1#\d+$/);
  const read = await container.item('s', 'u').read();
  expect(read.headers['x-ms-session-token']).toBe(first.headers['x-ms-session-token']);
});

test('who has the ranges of partitions as they are is told so: clients in Python ask on until then', async () => {
  const { cosmos } = await openForTest();
  const ask = async (etag?: string) => {
    const date = new Date().toUTCString();
    const signed = `get\npkranges\ndbs/db/colls/history\n${date.toLowerCase()}\n\n`;
    const sig = createHmac('sha256', Buffer.from(cosmos.key, 'base64')).update(signed).digest('base64');
    const authorization = encodeURIComponent(`type=master&ver=1.0&sig=${sig}`);
    const headers = { 'x-ms-date': date, authorization, 'a-im': 'Incremental feed' };
    return fetch(`${cosmos.endpoint}dbs/db/colls/history/pkranges`, {
      headers: { ...headers, ...(etag ? { 'if-none-match': etag } : {}) },
    });
  };
  const first = await ask();
  expect(first.status).toBe(200);
  const again = await ask(first.headers.get('etag')!);
  expect(again.status).toBe(304);
  expect((await ask('"another"')).status).toBe(200);
});
