import { ServiceBusClient } from '@azure/service-bus';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ServiceBusEmulator, startServiceBus } from './index.ts';

let bus: ServiceBusEmulator;
let client: ServiceBusClient;

beforeEach(async () => {
  bus = await startServiceBus({
    queues: [
      { name: 'talks', requiresSession: true },
      { name: 'quick', requiresSession: true, lockDurationMs: 400 },
    ],
    topics: [{ name: 'news', subscriptions: [{ name: 'by-session', requiresSession: true }] }],
  });
  client = new ServiceBusClient(bus.connectionString, { retryOptions: { maxRetries: 0 } });
});

afterEach(async () => {
  await client.close();
  await bus.close();
});

const send = (to: string, sessionId: string, ...bodies: unknown[]) =>
  client.createSender(to).sendMessages(bodies.map((body) => ({ body, sessionId })));

test('a session gives its own messages, in order, and an abandoned one keeps its place', async () => {
  await send('talks', 'b', 'b1');
  await send('talks', 'a', 'a1', 'a2', 'a3');
  const receiver = await client.acceptSession('talks', 'a');
  expect(receiver.sessionLockedUntilUtc.getTime()).toBeGreaterThan(Date.now() + 50_000);
  const [first] = await receiver.receiveMessages(1);
  expect(first).toMatchObject({ body: 'a1', sessionId: 'a' });
  await receiver.abandonMessage(first!);
  const messages = await receiver.receiveMessages(3);
  expect(messages.map(({ body, deliveryCount }) => [body, deliveryCount])).toEqual([
    ['a1', 1],
    ['a2', 0],
    ['a3', 0],
  ]);
  for (const message of messages) await receiver.completeMessage(message);
  expect(bus.entity('talks').peek()).toMatchObject([{ body: 'b1' }]);
});

test('a session that is taken cannot be locked; when it is closed it can, and its messages are not counted', async () => {
  await send('talks', 'a', 1);
  const holder = await client.acceptSession('talks', 'a');
  expect(await holder.receiveMessages(1)).toHaveLength(1);
  await expect(client.acceptSession('talks', 'a')).rejects.toMatchObject({ code: 'SessionCannotBeLocked' });
  await holder.close();
  const next = await client.acceptSession('talks', 'a');
  expect(await next.receiveMessages(1)).toMatchObject([{ body: 1, deliveryCount: 0 }]);
});

test('the next free session is given out; with none, the wait ends in ServiceTimeout or with the next message', async () => {
  await send('talks', 'a', 1);
  expect((await client.acceptNextSession('talks')).sessionId).toBe('a');
  const impatient = new ServiceBusClient(bus.connectionString, {
    retryOptions: { maxRetries: 0, timeoutInMs: 500 },
  });
  await expect(impatient.acceptNextSession('talks')).rejects.toMatchObject({ code: 'ServiceTimeout' });
  await impatient.close();
  const waiting = client.acceptNextSession('talks');
  await send('talks', 'b', 2);
  const receiver = await waiting;
  expect(receiver.sessionId).toBe('b');
  expect(await receiver.receiveMessages(1)).toMatchObject([{ body: 2 }]);
});

test('a session has a state that outlives its receiver', async () => {
  const receiver = await client.acceptSession('talks', 'a');
  expect(await receiver.getSessionState()).toBeNull();
  await receiver.setSessionState({ step: 2 });
  await receiver.close();
  const again = await client.acceptSession('talks', 'a');
  expect(await again.getSessionState()).toEqual({ step: 2 });
});

test('a session lock can be renewed; if it expires, the link is detached and messages come again, counted', async () => {
  await send('quick', 'a', 1);
  const receiver = await client.acceptSession('quick', 'a', { maxAutoLockRenewalDurationInMs: 0 });
  const [message] = await receiver.receiveMessages(1);
  const renewed = await receiver.renewSessionLock();
  expect(renewed.getTime()).toBeGreaterThan(Date.now() + 300);
  await expect.poll(() => receiver.isClosed).toBe(true);
  await expect(receiver.completeMessage(message!)).rejects.toMatchObject({ code: 'SessionLockLost' });
  const next = await client.acceptSession('quick', 'a');
  expect(await next.receiveMessages(1)).toMatchObject([{ body: 1, deliveryCount: 1 }]);
});

test('loseSessionLocks takes the sessions away', async () => {
  const receiver = await client.acceptSession('talks', 'a');
  expect(bus.act('loseSessionLocks')).toEqual({ lost: 1 });
  await expect.poll(() => receiver.isClosed).toBe(true);
  expect((await client.acceptSession('talks', 'a')).sessionId).toBe('a');
});

test('the session of a client that died stays locked until the lock expires', async () => {
  await send('quick', 'a', 1);
  const dying = new ServiceBusClient(bus.connectionString, { retryOptions: { maxRetries: 0 } });
  const held = await dying.acceptSession('quick', 'a', { maxAutoLockRenewalDurationInMs: 0 });
  expect(await held.receiveMessages(1)).toHaveLength(1);
  bus.act('dropConnections');
  await expect.poll(() => held.isClosed).toBe(true);
  const other = new ServiceBusClient(bus.connectionString, { retryOptions: { maxRetries: 0 } });
  await expect(other.acceptSession('quick', 'a')).rejects.toMatchObject({ code: 'SessionCannotBeLocked' });
  const next = await other.acceptNextSession('quick');
  expect(next.sessionId).toBe('a');
  expect(await next.receiveMessages(1)).toMatchObject([{ body: 1, deliveryCount: 1 }]);
  await other.close();
  await dying.close();
});

test('a receiver without a session is refused, and so is a message without one', async () => {
  await expect(client.createReceiver('talks').receiveMessages(1)).rejects.toThrow(/requires sessions/);
  await expect(client.createSender('talks').sendMessages({ body: 1 })).rejects.toThrow(
    /must have a session id/,
  );
  await client.createSender('news').sendMessages({ body: 1 });
  expect(bus.entity('news/Subscriptions/by-session').deadLetters()).toMatchObject([
    { body: 1, deadLetterReason: 'Session ID is null' },
  ]);
});

test('a client that waits for a session is detached like the others, and hears it', async () => {
  const waiting = client.acceptNextSession('talks').catch(({ code }) => code);
  await expect.poll(() => bus.counters().connections.open).toBe(1);
  await expect
    .poll(
      () =>
        (
          bus.act('detachLinks', { entity: 'talks', condition: 'com.microsoft:server-busy' }) as {
            detached: number;
          }
        ).detached,
    )
    .toBe(1);
  expect(await waiting).toBe('ServiceBusy');
});

test('a session is not given to a client that was detached while it waited', async () => {
  const waiting = client.acceptNextSession('talks').catch(({ code }) => code);
  await expect.poll(() => bus.counters().connections.open).toBe(1);
  const holder = await client.acceptSession('talks', 'a');
  await send('talks', 'a', 1);
  expect(await holder.receiveMessages(1)).toHaveLength(1);
  // The one that waits goes first, and then the session is let go of.
  expect(bus.act('detachLinks', { condition: 'com.microsoft:server-busy' })).toEqual({ detached: 2 });
  expect(await waiting).toBe('ServiceBusy');
  const next = await client.acceptSession('talks', 'a');
  expect(await next.receiveMessages(1)).toMatchObject([{ body: 1, deliveryCount: 0 }]);
});
