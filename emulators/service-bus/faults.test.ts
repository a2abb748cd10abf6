import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ServiceBusClient } from '@azure/service-bus';
import { generate } from 'selfsigned';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ServiceBusEmulator, startServiceBus } from './index.ts';

let bus: ServiceBusEmulator;
let client: ServiceBusClient;

beforeEach(async () => {
  bus = await startServiceBus({ queues: [{ name: 'work' }] });
  client = new ServiceBusClient(bus.connectionString, {
    retryOptions: { maxRetries: 0, timeoutInMs: 2000, retryDelayInMs: 100 },
  });
});

afterEach(async () => {
  bus.setFaults({ freeze: false, latencyMs: 0 });
  await client.close();
  await bus.close();
});

const send = (...bodies: unknown[]) => bus.entity('work').send(bodies.map((body) => ({ body })));
const pending = Symbol('pending');
const afterMs = <T>(ms: number, promise: Promise<T>): Promise<T | typeof pending> =>
  Promise.race([promise, new Promise<typeof pending>((resolve) => setTimeout(resolve, ms, pending))]);

test('a fault or an action that does not exist is refused with the names of those that do', () => {
  expect(() => bus.setFaults({ latency: 5 } as object)).toThrow(
    /No fault is called latency; there are latencyMs/,
  );
  expect(() => bus.setFaults({ latencyMs: -1 })).toThrow(/latencyMs/);
  expect(() => bus.act('explode')).toThrow(/No action is called explode; there are detachLinks/);
  expect(() => bus.act('loseLocks', { entty: 'work' })).toThrow(/entty/);
  expect(() => bus.act('loseLocks', { entity: 'nowhere' })).toThrow(/could not be found/);
});

test('latency delays every step and does not hold back throughput', async () => {
  const receiver = client.createReceiver('work');
  await receiver.peekMessages(1);
  bus.setFaults({ latencyMs: 100 });
  send(...Array(50).keys());
  const started = performance.now();
  const messages = await receiver.receiveMessages(50);
  expect(performance.now() - started).toBeGreaterThanOrEqual(95);
  const settling = performance.now();
  await Promise.all(messages.map((message) => receiver.completeMessage(message)));
  const took = performance.now() - settling;
  expect(took).toBeGreaterThanOrEqual(95);
  expect(took).toBeLessThan(1000);
});

test('a silent broker keeps its links and delivers nothing until it speaks again', async () => {
  const receiver = client.createReceiver('work');
  bus.setFaults({ silent: true });
  send(1);
  const receiving = receiver.receiveMessages(1, { maxWaitTimeInMs: 20_000 });
  expect(await afterMs(200, receiving)).toBe(pending);
  bus.setFaults({ silent: false });
  expect(await receiving).toHaveLength(1);
});

test('links that fall silent stay up and get nothing, new ones get it all, and other entities are left alone', async () => {
  const bodies: unknown[] = [];
  const errors: unknown[] = [];
  const subscribed = client.createReceiver('work');
  subscribed.subscribe({
    processMessage: async ({ body }) => void bodies.push(body),
    processError: async ({ error }) => void errors.push(error),
  });
  const elsewhere = client.createReceiver('work/$DeadLetterQueue');
  await elsewhere.receiveMessages(1, { maxWaitTimeInMs: 50 });
  send(1);
  await expect.poll(() => bodies).toEqual([1]);
  await expect.poll(() => bus.counters().entities.work?.completed).toBe(1);
  expect(bus.act('silenceLinks', { entity: 'work' })).toEqual({ silenced: 1 });
  send(2, 3);
  expect(await subscribed.peekMessages(5)).toHaveLength(2);
  const [first, second] = await client.createReceiver('work').receiveMessages(2);
  expect([first?.body, second?.body]).toEqual([2, 3]);
  expect([bodies, errors, subscribed.isClosed]).toEqual([[1], [], false]);
  expect(bus.act('silenceLinks')).toEqual({ silenced: 3 });
  expect(await elsewhere.receiveMessages(1, { maxWaitTimeInMs: 50 })).toEqual([]);
});

test('a silent link that is pulled from goes on answering with nothing', async () => {
  const receiver = client.createReceiver('work');
  send(1);
  const [held] = await receiver.receiveMessages(1);
  bus.act('silenceLinks', { entity: 'work' });
  send(2);
  for (let round = 0; round < 3; round += 1)
    expect(await receiver.receiveMessages(1, { maxWaitTimeInMs: 30 })).toEqual([]);
  await receiver.completeMessage(held!);
  expect(bus.counters().entities.work).toMatchObject({ completed: 1, active: 1, locked: 0 });
});

test('a frozen broker answers nothing, and goes on where it was', async () => {
  const receiver = client.createReceiver('work');
  send(1);
  const [message] = await receiver.receiveMessages(1);
  bus.setFaults({ freeze: true });
  const completing = receiver.completeMessage(message!);
  expect(await afterMs(200, completing)).toBe(pending);
  expect(bus.counters().entities.work?.completed).toBe(0);
  bus.setFaults({ freeze: false });
  await completing;
  expect(bus.counters().entities.work?.completed).toBe(1);
});

test('connections, links, tokens and settlements can be refused', async () => {
  send(1);
  const receiver = client.createReceiver('work');
  const [message] = await receiver.receiveMessages(1);
  bus.setFaults({ refuseSettlements: 'com.microsoft:message-lock-lost' });
  await expect(receiver.completeMessage(message!)).rejects.toMatchObject({ code: 'MessageLockLost' });
  bus.setFaults({ refuseSettlements: null, refuseAttach: 'com.microsoft:server-busy' });
  const sender = client.createSender('work');
  await expect(sender.sendMessages({ body: 1 })).rejects.toMatchObject({
    code: 'ServiceBusy',
    retryable: true,
  });
  bus.setFaults({ refuseAttach: null, refuseCbs: true });
  const stranger = new ServiceBusClient(bus.connectionString, { retryOptions: { maxRetries: 0 } });
  await expect(stranger.createSender('work').sendMessages({ body: 1 })).rejects.toMatchObject({
    code: 'UnauthorizedAccess',
  });
  await stranger.close();
  bus.setFaults({ refuseCbs: false, refuseConnections: true });
  const late = new ServiceBusClient(bus.connectionString, {
    retryOptions: { maxRetries: 0, timeoutInMs: 1000 },
  });
  await expect(late.createSender('work').sendMessages({ body: 1 })).rejects.toThrow();
  await late.close();
});

test('a disabled entity detaches its links and refuses new ones, until it is enabled', async () => {
  const receiver = client.createReceiver('work');
  const errors: unknown[] = [];
  const bodies: unknown[] = [];
  receiver.subscribe({
    processMessage: async ({ body }) => void bodies.push(body),
    processError: async ({ error }) => void errors.push((error as { code?: string }).code),
  });
  send(1);
  await expect.poll(() => bodies).toEqual([1]);
  bus.act('disableEntity', { entity: 'work' });
  await expect.poll(() => errors).toContain('MessagingEntityDisabled');
  await expect(client.createSender('work').sendMessages({ body: 1 })).rejects.toMatchObject({
    code: 'MessagingEntityDisabled',
  });
  bus.act('enableEntity', { entity: 'work' });
  send(2);
  await expect.poll(() => bodies).toEqual([1, 2]);
});

test('with TLS, a TokenCredential is sent as a token and can be judged', async () => {
  const certificate = await generate([{ name: 'commonName', value: 'localhost' }], {
    keySize: 2048,
    extensions: [
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  const folder = await mkdtemp(join(tmpdir(), 'service-bus-tls-'));
  const ca = join(folder, 'ca.pem');
  await writeFile(ca, certificate.cert);
  const tokens: { type: string; token: string; audience: string }[] = [];
  const secure = await startServiceBus({
    queues: [{ name: 'work' }],
    tls: { key: certificate.private, cert: certificate.cert },
    authorize: (token) => {
      tokens.push(token);
      return token.token === 'good' || 'The token is not good.';
    },
  });
  const program = `
    import { ServiceBusClient } from '@azure/service-bus';
    const [host, token] = process.argv.slice(1);
    const credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
    const client = new ServiceBusClient(host, credential, { retryOptions: { maxRetries: 0 } });
    await client.createSender('work').sendMessages({ body: 1 }).then(
      () => console.log('sent'),
      (error) => console.log(error.code, error.message),
    );
    await client.close();`;
  const run = async (token: string): Promise<string> => {
    const args = ['--input-type=module', '-e', program, `localhost:${secure.tlsPort}`, token];
    const { stdout } = await promisify(execFile)(process.execPath, args, {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      env: { ...process.env, NODE_EXTRA_CA_CERTS: ca },
    });
    return stdout.trim();
  };
  expect(await run('good')).toBe('sent');
  expect(await run('bad')).toBe('UnauthorizedAccess The token is not good.');
  expect(tokens[0]).toEqual({
    type: 'jwt',
    token: 'good',
    audience: `sb://localhost:${secure.tlsPort}/work`,
  });
  expect(secure.entity('work').peek()).toMatchObject([{ body: 1 }]);
  await secure.close();
  await rm(folder, { recursive: true });
});
