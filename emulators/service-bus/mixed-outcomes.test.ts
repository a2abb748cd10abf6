import { once } from 'node:events';
import { ServiceBusClient, type ServiceBusReceivedMessage } from '@azure/service-bus';
import { expect, onTestFinished, test } from 'vitest';
import { startServiceBus } from './index.ts';
import { connectRaw, showToken } from './raw-client-for-test.ts';

async function setUp() {
  const bus = await startServiceBus({
    queues: [{ name: 'work' }, { name: 'visits', requiresSession: true }],
  });
  const client = new ServiceBusClient(bus.connectionString, { retryOptions: { maxRetries: 0 } });
  onTestFinished(async () => {
    await client.close();
    await bus.close();
  });
  return { bus, client };
}

const told = async (promises: Promise<unknown>[]) =>
  (await Promise.allSettled(promises)).map((one) =>
    one.status === 'rejected' ? one.reason.code : one.status,
  );

test('of settlements that come together, those that are refused are told so, whatever the first one is', async () => {
  const { bus, client } = await setUp();
  await client.createSender('work').sendMessages([1, 2, 3, 4, 5].map((body) => ({ body })));
  const receiver = client.createReceiver('work');
  const held: ServiceBusReceivedMessage[] = [];
  while (held.length < 5) held.push(...(await receiver.receiveMessages(5 - held.length)));
  bus.setFaults({ refuseSettlements: 'com.microsoft:message-lock-lost', refuseSettlementsEvery: 2 });
  expect(await told(held.map((message) => receiver.completeMessage(message)))).toEqual([
    ...['fulfilled', 'MessageLockLost', 'fulfilled', 'MessageLockLost', 'fulfilled'],
  ]);
  expect(bus.counters().entities.work).toMatchObject({ completed: 3, locked: 2 });
});

test('of messages that are sent together, those that are refused are told so', async () => {
  const { bus } = await setUp();
  const connection = connectRaw(bus.port);
  await showToken(connection, bus.port);
  const sender = connection.open_sender('visits');
  await once(sender, 'sendable');
  const outcomes: string[] = [];
  for (const outcome of ['accepted', 'rejected']) sender.on(outcome, () => outcomes.push(outcome));
  sender.send({ group_id: 'a', body: 1 });
  sender.send({ body: 2 });
  sender.send({ group_id: 'a', body: 3 });
  await expect.poll(() => outcomes).toHaveLength(3);
  expect(outcomes).toEqual(['accepted', 'rejected', 'accepted']);
  expect(bus.entity('visits').peek()).toHaveLength(2);
});
