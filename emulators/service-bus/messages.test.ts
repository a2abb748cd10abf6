import {
  ServiceBusClient,
  type ServiceBusReceivedMessage,
  type ServiceBusReceiver,
} from '@azure/service-bus';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ServiceBusEmulator, startServiceBus } from './index.ts';

let bus: ServiceBusEmulator;
let client: ServiceBusClient;

beforeEach(async () => {
  bus = await startServiceBus({
    queues: [
      { name: 'orders', maxDeliveryCount: 3 },
      { name: 'quick', lockDurationMs: 300 },
      { name: 'mayflies', defaultTtlMs: 200 },
    ],
    topics: [
      {
        name: 'news',
        subscriptions: [
          { name: 'all' },
          { name: 'also-all' },
          {
            name: 'sport',
            rules: [
              {
                name: 'sport',
                filter: { kind: 'correlation', subject: 'sport', properties: { urgent: true } },
              },
            ],
          },
        ],
      },
    ],
  });
  client = new ServiceBusClient(bus.connectionString);
});

afterEach(async () => {
  await client.close();
  await bus.close();
});

const one = async (
  receiver: ServiceBusReceiver,
  maxWaitTimeInMs = 5000,
): Promise<ServiceBusReceivedMessage> => {
  const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs });
  if (!message) throw new Error('no message came');
  return message;
};
const send = (to: string, ...bodies: unknown[]) =>
  client.createSender(to).sendMessages(bodies.map((body) => ({ body })));

describe('sending and receiving', () => {
  test('a message arrives as it was sent, and is gone when it is completed', async () => {
    const applicationProperties = {
      text: 'a',
      whole: 7,
      half: 0.5,
      yes: true,
      when: new Date(1_700_000_000_000),
    };
    await client.createSender('orders').sendMessages({
      body: { id: 1, name: 'ü'.repeat(300) },
      messageId: 'm-1',
      correlationId: 'c-1',
      subject: 's',
      contentType: 'application/json',
      applicationProperties,
    });
    const receiver = client.createReceiver('orders');
    const message = await one(receiver);
    expect(message).toMatchObject({
      body: { id: 1, name: 'ü'.repeat(300) },
      messageId: 'm-1',
      correlationId: 'c-1',
      subject: 's',
      contentType: 'application/json',
      deliveryCount: 0,
      state: 'active',
    });
    expect(message.applicationProperties).toEqual({ ...applicationProperties, when: 1_700_000_000_000 });
    expect(message.sequenceNumber?.toNumber()).toBe(1);
    expect(Math.abs(message.enqueuedTimeUtc!.getTime() - Date.now())).toBeLessThan(5000);
    expect(message.lockedUntilUtc!.getTime()).toBeGreaterThan(Date.now() + 50_000);
    await receiver.completeMessage(message);
    expect(bus.entity('orders').peek()).toEqual([]);
    expect(bus.counters().entities.orders).toMatchObject({
      received: 1,
      sent: 1,
      delivered: 1,
      completed: 1,
      active: 0,
      locked: 0,
      peakLocked: 1,
    });
  });

  test('a batch arrives whole and in order', async () => {
    const sender = client.createSender('orders');
    const batch = await sender.createMessageBatch();
    for (let i = 0; i < 50; i++) expect(batch.tryAddMessage({ body: i })).toBe(true);
    await sender.sendMessages(batch);
    const messages = await client.createReceiver('orders').receiveMessages(50);
    expect(messages.map(({ body }) => body)).toEqual([...Array(50).keys()]);
    expect(new Set(messages.map(({ messageId }) => messageId)).size, 'all get a message id').toBe(50);
  });

  test('a message of the largest size passes, split into many frames', async () => {
    const body = 'x'.repeat(900_000);
    await send('orders', body);
    expect((await one(client.createReceiver('orders'))).body).toBe(body);
  });

  test('receiveAndDelete removes a message by delivering it', async () => {
    await send('orders', 1, 2);
    const receiver = client.createReceiver('orders', { receiveMode: 'receiveAndDelete' });
    expect((await receiver.receiveMessages(2)).map(({ body }) => body)).toEqual([1, 2]);
    expect(bus.entity('orders').peek()).toEqual([]);
  });

  test('receiveMessages with nothing there returns on time, and again', async () => {
    const receiver = client.createReceiver('orders');
    for (let round = 0; round < 2; round++) {
      const started = Date.now();
      expect(await receiver.receiveMessages(5, { maxWaitTimeInMs: 300 })).toEqual([]);
      expect(Date.now() - started).toBeLessThan(1000);
    }
    await send('orders', 'later');
    expect((await one(receiver)).body).toBe('later');
  });

  test('names are compared without regard to case, and an unknown one is MessagingEntityNotFound', async () => {
    await send('ORDERS', 1);
    expect((await one(client.createReceiver('Orders'))).body).toBe(1);
    const notFound = { code: 'MessagingEntityNotFound', retryable: false };
    await expect(send('nowhere', 1)).rejects.toMatchObject(notFound);
    await expect(client.createReceiver('news', 'none').receiveMessages(1)).rejects.toMatchObject(notFound);
    await expect(client.createReceiver('nowhere').peekMessages(1)).rejects.toMatchObject(notFound);
  });
});

describe('settling', () => {
  test('abandoning raises the delivery count; at the maximum the message is dead-lettered', async () => {
    await send('orders', 'poison', 'next');
    const receiver = client.createReceiver('orders');
    for (const expected of [0, 1, 2]) {
      const message = await one(receiver);
      expect(message).toMatchObject({ body: 'poison', deliveryCount: expected });
      await receiver.abandonMessage(message, { attempt: expected });
    }
    expect((await one(receiver)).body, 'the one behind it had to wait its turn').toBe('next');
    const dead = await one(client.createReceiver('orders', { subQueueType: 'deadLetter' }));
    expect(dead).toMatchObject({
      body: 'poison',
      deadLetterReason: 'MaxDeliveryCountExceeded',
      deadLetterErrorDescription: 'Message could not be consumed after 3 delivery attempts.',
      applicationProperties: { attempt: 2 },
    });
  });

  test('a dead letter keeps its reason, description and properties, and can be completed', async () => {
    await client.createSender('orders').sendMessages({ body: 'bad', applicationProperties: { kept: 1 } });
    const receiver = client.createReceiver('orders');
    await receiver.deadLetterMessage(await one(receiver), {
      deadLetterReason: 'NoGood',
      deadLetterErrorDescription: 'it has no id',
      extra: 'more',
    });
    expect(bus.entity('orders').deadLetters()).toMatchObject([
      { body: 'bad', deadLetterReason: 'NoGood', deadLetterErrorDescription: 'it has no id' },
    ]);
    expect(bus.counters().entities.orders).toMatchObject({ deadLettered: 1, deadLetterCount: 1 });
    const deadLetters = client.createReceiver('orders', { subQueueType: 'deadLetter' });
    const dead = await one(deadLetters);
    expect(dead.applicationProperties).toMatchObject({ kept: 1, extra: 'more', DeadLetterReason: 'NoGood' });
    await deadLetters.completeMessage(dead);
    expect(bus.entity('orders').deadLetters()).toEqual([]);
  });

  test('a deferred message comes only when it is asked for by its number', async () => {
    await send('orders', 'wait', 'go');
    const receiver = client.createReceiver('orders');
    const deferred = await one(receiver);
    await receiver.deferMessage(deferred);
    expect((await one(receiver)).body).toBe('go');
    const [again] = await receiver.receiveDeferredMessages(deferred.sequenceNumber!);
    expect(again).toMatchObject({ body: 'wait', state: 'deferred' });
    await receiver.completeMessage(again!);
    await expect(receiver.receiveDeferredMessages(deferred.sequenceNumber!)).rejects.toMatchObject({
      code: 'MessageNotFound',
    });
  });

  test('a lock that expired is lost: settling fails and the message comes again, counted', async () => {
    await send('quick', 1);
    const receiver = client.createReceiver('quick', { maxAutoLockRenewalDurationInMs: 0 });
    const first = await one(receiver);
    const second = await one(receiver);
    // At once: its own lock is as short.
    await receiver.completeMessage(second);
    expect(second).toMatchObject({ body: 1, deliveryCount: 1 });
    const lost = { code: 'MessageLockLost', retryable: false };
    await expect(receiver.completeMessage(first)).rejects.toMatchObject(lost);
    await expect(receiver.renewMessageLock(first)).rejects.toMatchObject(lost);
    expect(bus.counters().entities.quick).toMatchObject({ expiredLocks: 1, redelivered: 1, completed: 1 });
  });

  test('renewing keeps a lock beyond its duration', async () => {
    await send('quick', 1);
    const receiver = client.createReceiver('quick', { maxAutoLockRenewalDurationInMs: 0 });
    const message = await one(receiver);
    const until = Date.now() + 800;
    while (Date.now() < until) {
      const renewed = await receiver.renewMessageLock(message);
      expect(renewed.getTime()).toBeGreaterThan(Date.now());
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await receiver.completeMessage(message);
    expect(bus.counters().entities.quick).toMatchObject({ expiredLocks: 0, completed: 1 });
  });
});

describe('looking, and later', () => {
  test('peeking shows messages in any state and page by page, and locks none', async () => {
    await send('orders', 'a', 'b', 'c');
    const receiver = client.createReceiver('orders');
    await receiver.deferMessage(await one(receiver));
    await client.createSender('orders').scheduleMessages({ body: 'd' }, new Date(Date.now() + 60_000));
    const first = await receiver.peekMessages(3);
    const rest = await receiver.peekMessages(3);
    expect([...first, ...rest].map(({ body, state }) => [body, state])).toEqual([
      ['a', 'deferred'],
      ['b', 'active'],
      ['c', 'active'],
      ['d', 'scheduled'],
    ]);
    expect(bus.counters().entities.orders).toMatchObject({ active: 2, locked: 0, scheduled: 1 });
  });

  test('a scheduled message comes at its time, a cancelled one never', async () => {
    const sender = client.createSender('news');
    const at = new Date(Date.now() + 400);
    const [cancelled] = await sender.scheduleMessages([{ body: 'no' }, { body: 'yes' }], at);
    await sender.cancelScheduledMessages(cancelled!);
    const receiver = client.createReceiver('news', 'all');
    const message = await one(receiver);
    expect(message.body).toBe('yes');
    expect(Date.now()).toBeGreaterThanOrEqual(at.getTime() - 5);
    expect(bus.entity('news').peek()).toEqual([]);
  });

  test('a message whose time to live is over does not come', async () => {
    await client.createSender('orders').sendMessages([{ body: 'short', timeToLive: 100 }, { body: 'long' }]);
    await send('mayflies', 1);
    await expect.poll(() => bus.counters().totals.expired).toBe(2);
    expect((await one(client.createReceiver('orders'))).body).toBe('long');
    expect(bus.entity('mayflies').peek()).toEqual([]);
  });

  test("a message without a time to live has the entity's, and its receivers are told so", async () => {
    await send('mayflies', 1);
    const [found] = await client.createReceiver('mayflies').peekMessages(1);
    expect(found!.timeToLive).toBe(200);
    expect(found!.expiresAtUtc!.getTime() - found!.enqueuedTimeUtc!.getTime()).toBe(200);
  });

  test('a dead letter outlives its time to live', async () => {
    await client.createSender('orders').sendMessages({ body: 'kept', timeToLive: 2000 });
    const receiver = client.createReceiver('orders');
    const message = await one(receiver);
    await receiver.deadLetterMessage(message);
    await client.createSender('orders').sendMessages({ body: 'not kept', timeToLive: 2100 });
    await expect.poll(() => bus.counters().totals.expired, { timeout: 5000 }).toBe(1);
    const dead = await one(client.createReceiver('orders', { subQueueType: 'deadLetter' }));
    expect([dead.body, dead.timeToLive]).toEqual(['kept', 2000]);
  });
});

describe('topics', () => {
  test('every subscription gets a copy of its own, those with a correlation filter what matches', async () => {
    await client.createSender('news').sendMessages([
      { body: 1, subject: 'sport', applicationProperties: { urgent: true } },
      { body: 2, subject: 'sport', applicationProperties: { urgent: false } },
      { body: 3, subject: 'weather', applicationProperties: { urgent: true } },
    ]);
    const bodies = (name: string) =>
      bus
        .entity(`news/Subscriptions/${name}`)
        .peek()
        .map(({ body }) => body);
    expect(bodies('all')).toEqual([1, 2, 3]);
    expect(bodies('sport')).toEqual([1]);
    const receiver = client.createReceiver('news', 'all');
    await receiver.completeMessage(await one(receiver));
    expect(bodies('all')).toEqual([2, 3]);
    expect(bodies('also-all')).toEqual([1, 2, 3]);
    expect(bus.counters().entities.news?.received).toBe(3);
  });

  test('rules can be added, listed and removed; an SQL filter is refused in plain words', async () => {
    const rules = client.createRuleManager('news', 'all');
    const correlation = { subject: 'x', applicationProperties: { n: 1 } };
    await rules.createRule('only-x', correlation);
    await rules.deleteRule('$Default');
    const listed = [];
    for await (const rule of rules.listRules()) listed.push(rule);
    expect(listed).toMatchObject([{ name: 'only-x', filter: correlation }]);
    await send('news', 'lost');
    expect(bus.entity('news/Subscriptions/all').peek()).toEqual([]);
    await rules.createRule('everything', { sqlExpression: '1=1' });
    await send('news', 'found');
    expect(bus.entity('news/Subscriptions/all').peek()).toHaveLength(1);
    await expect(rules.createRule('sql', { sqlExpression: "a LIKE 'b%'" })).rejects.toThrow(
      /knows no SQL filters/,
    );
  });
});
