import { ServiceBusClient } from '@azure/service-bus';
import { expect, onTestFinished, test } from 'vitest';
import { startServiceBus } from './index.ts';
import { connectRaw, showToken } from './raw-client-for-test.ts';

async function setUp() {
  const bus = await startServiceBus({ queues: [{ name: 'work' }] });
  onTestFinished(() => bus.close());
  return { bus, received: () => bus.counters().entities.work!.received };
}

test('5,000 single sends at once arrive, once each', async () => {
  const { bus, received } = await setUp();
  // A sender of the client has 2,048 places for sends without an answer. What finds none looks once more after a second, and
  // then waits as long as the client waits after a failure: 30 s unless it is told otherwise (Azure/azure-sdk-for-js#4764).
  const client = new ServiceBusClient(bus.connectionString, { retryOptions: { retryDelayInMs: 50 } });
  onTestFinished(() => client.close());
  const sender = client.createSender('work');
  await Promise.all(Array.from({ length: 5000 }, (_, body) => sender.sendMessages({ body })));
  expect(received()).toBe(5000);
  const bodies = bus
    .entity('work')
    .peek()
    .map(({ body }) => body);
  expect(new Set(bodies).size).toBe(5000);
});

test('a client that sends whenever it may is never kept waiting, beyond every window', async () => {
  const { bus, received } = await setUp();
  const connection = connectRaw(bus.port);
  await showToken(connection, bus.port);
  const total = 20_000;
  let accepted = 0;
  let sent = 0;
  const sender = connection.open_sender('work');
  sender.on('accepted', () => accepted++);
  sender.on('sendable', () => {
    for (; sent < total && sender.sendable(); sent++) sender.send({ body: sent });
  });
  await expect.poll(() => accepted).toBe(total);
  expect(received()).toBe(total);
});
