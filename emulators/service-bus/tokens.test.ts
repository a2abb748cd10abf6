import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { ServiceBusClient } from '@azure/service-bus';
import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { makeCertificate } from '../certificate.ts';
import { type ServiceBusEmulator, startServiceBus } from './index.ts';
import { makeTokens } from './tokens.ts';

let certificate: { key: string; cert: string };
let bus: ServiceBusEmulator;
const clients: ServiceBusClient[] = [];

beforeAll(async () => {
  certificate = await makeCertificate();
  setDefaultCACertificates([...getCACertificates('default'), certificate.cert]);
});
beforeEach(async () => {
  bus = await startServiceBus({
    queues: [{ name: 'work' }, { name: 'talks', requiresSession: true }],
    tls: certificate,
  });
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await bus.close();
});

// Two: a sender that is used while it still puts its detached link away is busy, says the client.
const retryOptions = { maxRetries: 2, timeoutInMs: 2000, retryDelayInMs: 50 };

/** @param lifeMs how long each token is good for @param renewAfterMs when the client asks for the next */
function clientByTokens(lifeMs: number, renewAfterMs: number) {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const getToken = vi.fn(async () => {
    const exp = (Date.now() + lifeMs) / 1000;
    const token = `${encode({ alg: 'none' })}.${encode({ exp })}.`;
    // The client renews two minutes before this.
    return { token, expiresOnTimestamp: Date.now() + 120_000 + renewAfterMs };
  });
  const client = new ServiceBusClient(`localhost:${bus.tlsPort}`, { getToken }, { retryOptions });
  clients.push(client);
  return { client, getToken };
}

function clientByKey(): ServiceBusClient {
  const client = new ServiceBusClient(bus.connectionString, { retryOptions });
  clients.push(client);
  return client;
}

function subscribe(client: ServiceBusClient, queue = 'work') {
  const bodies: unknown[] = [];
  const errors: unknown[] = [];
  client.createReceiver(queue).subscribe({
    processMessage: async ({ body }) => void bodies.push(body),
    processError: async ({ error }) => void errors.push((error as { code?: string }).code),
  });
  return { bodies, errors };
}

test('a link whose token runs out is detached, and works again by a new token', async () => {
  const { client, getToken } = clientByTokens(1000, 600_000);
  const { bodies, errors } = subscribe(client);
  bus.entity('work').send([{ body: 1 }]);
  await expect.poll(() => bodies).toEqual([1]);
  expect(errors).toEqual([]);
  const before = getToken.mock.calls.length;
  await expect.poll(() => errors).toContain('UnauthorizedAccess');
  bus.entity('work').send([{ body: 2 }]);
  await expect.poll(() => bodies).toEqual([1, 2]);
  expect(getToken.mock.calls.length).toBeGreaterThan(before);
});

test('a link whose token is renewed in time stays as it is', async () => {
  const { client, getToken } = clientByTokens(1200, 300);
  const { bodies, errors } = subscribe(client);
  const started = Date.now();
  await expect.poll(() => getToken.mock.calls.length).toBeGreaterThan(8);
  expect(Date.now() - started).toBeGreaterThan(1200);
  bus.entity('work').send([{ body: 1 }]);
  await expect.poll(() => bodies).toEqual([1]);
  expect(errors).toEqual([]);
});

test('sending links and $management run out too, and a token that is over is not taken', async () => {
  const { client } = clientByTokens(800, 600_000);
  const sender = client.createSender('work');
  await sender.sendMessages({ body: 1 });
  const receiver = client.createReceiver('work');
  await receiver.peekMessages(1);
  const links = () => (client as unknown as { _connectionContext: Links })._connectionContext;
  type Links = { senders: Record<string, { isOpen(): boolean }> };
  await expect.poll(() => Object.values(links().senders).map((link) => link.isOpen())).toEqual([false]);
  await sender.sendMessages({ body: 2 });
  // It peeks on from where it was.
  expect(await receiver.peekMessages(5)).toMatchObject([{ body: 2 }]);
  const late = clientByTokens(-1000, 600_000).client;
  const failed = await late
    .createSender('work')
    .sendMessages({ body: 3 })
    .catch(({ errors }: AggregateError) => errors);
  // One for each try.
  expect(failed).toHaveLength(3);
  for (const { code, message } of failed as { code: string; message: string }[])
    expect([code, message]).toEqual(['UnauthorizedAccess', 'ExpiredToken: the token has expired.']);
});

test.each([
  ['a token of Entra ID', () => clientByTokens(600_000, 300_000).client],
  ['a key', () => clientByKey()],
])('all tokens can be made to expire: of %s', async (_, makeClient) => {
  const client = makeClient();
  const { bodies, errors } = subscribe(client);
  const session = await client.acceptSession('talks', 'a');
  bus.entity('work').send([{ body: 1 }]);
  await expect.poll(() => bodies).toEqual([1]);
  expect(bus.act('expireTokens', { graceMs: 50 })).toEqual({ expired: 2 });
  await expect.poll(() => errors).toContain('UnauthorizedAccess');
  await expect.poll(() => session.isClosed).toBe(true);
  bus.entity('work').send([{ body: 2 }]);
  await expect.poll(() => bodies).toEqual([1, 2]);
  expect((await client.acceptSession('talks', 'a')).sessionId).toBe('a');
});

test('a new token within the grace keeps the links', async () => {
  const { client, getToken } = clientByTokens(600_000, 100);
  const { bodies, errors } = subscribe(client);
  bus.entity('work').send([{ body: 1 }]);
  await expect.poll(() => bodies).toEqual([1]);
  bus.act('expireTokens', { graceMs: 600 });
  const renewedAt = getToken.mock.calls.length + 8;
  await expect.poll(() => getToken.mock.calls.length).toBeGreaterThan(renewedAt);
  bus.entity('work').send([{ body: 2 }]);
  await expect.poll(() => bodies).toEqual([1, 2]);
  expect(errors).toEqual([]);
});

test('a token covers what lies below its audience, and the best of several counts', () => {
  let now = 1000;
  const alarms: { at: number; run: () => void }[] = [];
  const tokens = makeTokens({
    now: () => now,
    after(ms, run) {
      const alarm = { at: now + ms, run };
      alarms.push(alarm);
      return () => void alarms.splice(alarms.indexOf(alarm), 1);
    },
  });
  const goTo = (time: number) => {
    now = time;
    for (const alarm of alarms.filter(({ at }) => at <= time)) {
      alarms.splice(alarms.indexOf(alarm), 1);
      alarm.run();
    }
  };
  const detached: string[] = [];
  for (const address of ['News/Subscriptions/all', 'news/subscriptions/all/$management', 'newspaper'])
    tokens.guard(address, () => detached.push(address));
  const release = tokens.guard('news', () => detached.push('released'));
  release();
  tokens.put('sb://host:5671/news', 2000);
  tokens.put('sb://host:5671/newspaper/', 2500);
  tokens.put('sb://host:5671/news/Subscriptions/all/$management', 3000);
  goTo(2000);
  expect(detached).toEqual(['News/Subscriptions/all']);
  expect(tokens.refusal('/news')?.message).toMatch(/expired/);
  expect(tokens.refusal('free')?.message).toMatch(/no token for 'free'/);
  tokens.put('sb://host:5671/newspaper', 4000);
  goTo(3000);
  expect(detached).toEqual(['News/Subscriptions/all', 'news/subscriptions/all/$management']);
  tokens.put('sb://host:5671/', 9000);
  goTo(4000);
  expect(detached).toHaveLength(2);
  expect([tokens.refusal('news'), tokens.refusal('free')]).toEqual([undefined, undefined]);
  expect(tokens.expireIn(100)).toBe(4);
  goTo(4100);
  expect(detached.slice(2)).toEqual(['newspaper']);
});
