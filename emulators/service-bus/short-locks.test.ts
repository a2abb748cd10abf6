import { ServiceBusClient } from '@azure/service-bus';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ServiceBusEmulator, startServiceBus } from './index.ts';

let bus: ServiceBusEmulator;
let client: ServiceBusClient;

beforeEach(async () => {
  bus = await startServiceBus({
    queues: [{ name: 'work' }, { name: 'unrenewed' }, { name: 'talks', requiresSession: true }],
    lockDurationMs: 1000,
    maxDeliveryCount: 3,
  });
  client = new ServiceBusClient(bus.connectionString);
});

afterEach(async () => {
  await client.close();
  await bus.close();
});

/** Resolves when a lock that was taken now and is not renewed has expired: so long must the others last. */
async function lockDurationOver(): Promise<void> {
  const before = counts('unrenewed').expiredLocks;
  bus.entity('unrenewed').send([{ body: 0 }]);
  const receiver = client.createReceiver('unrenewed', { maxAutoLockRenewalDurationInMs: 0 });
  await receiver.receiveMessages(1);
  await expect.poll(() => counts('unrenewed').expiredLocks).toBeGreaterThan(before);
  await receiver.close();
}
const counts = (queue: string) => bus.counters().entities[queue]!;

test('locks of a second are kept by the renewal of the client for as long as the work takes', async () => {
  bus.entity('work').send(Array.from({ length: 40 }, (_, body) => ({ body, messageId: `m${body}` })));
  let letGo = (): void => {};
  const over = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const handled: unknown[] = [];
  client.createReceiver('work').subscribe(
    {
      processMessage: async ({ body }) => {
        await over;
        handled.push(body);
      },
      processError: async ({ error }) => void handled.push(error),
    },
    { maxConcurrentCalls: 40 },
  );
  await expect.poll(() => counts('work').locked).toBe(40);
  await lockDurationOver();
  expect(counts('work')).toMatchObject({ locked: 40, expiredLocks: 0, redelivered: 0 });
  letGo();
  await expect.poll(() => counts('work').completed).toBe(40);
  expect(handled).toHaveLength(40);
});

test('a session lock of a second is kept likewise', async () => {
  bus.entity('talks').send([{ body: 1, sessionId: 'a' }]);
  const receiver = await client.acceptSession('talks', 'a');
  const [message] = await receiver.receiveMessages(1);
  await lockDurationOver();
  await receiver.completeMessage(message!);
  expect(counts('talks')).toMatchObject({ completed: 1, expiredLocks: 0 });
});

test('without renewal they come back on time, each time counted, and in the end are dead-lettered', async () => {
  bus.entity('work').send(Array.from({ length: 20 }, (_, body) => ({ body })));
  const receiver = client.createReceiver('work', { maxAutoLockRenewalDurationInMs: 0 });
  const started = performance.now();
  for (let round = 0; round < 3; round += 1) {
    const messages = await receiver.receiveMessages(20, { maxWaitTimeInMs: 5000 });
    expect(messages.map(({ body, deliveryCount }) => [body, deliveryCount])).toEqual(
      Array.from({ length: 20 }, (_, body) => [body, round]),
    );
  }
  await expect.poll(() => counts('work').deadLettered).toBe(20);
  expect(performance.now() - started).toBeGreaterThan(2990);
  expect(counts('work')).toMatchObject({ delivered: 60, expiredLocks: 60, active: 0, locked: 0 });
});
