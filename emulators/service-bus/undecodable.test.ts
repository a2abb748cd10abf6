import { once } from 'node:events';
import { ServiceBusClient } from '@azure/service-bus';
import Long from 'long';
import { expect, onTestFinished, test } from 'vitest';
import { startServiceBus } from './index.ts';
import { connectRaw, showToken } from './raw-client-for-test.ts';

async function setUp() {
  const bus = await startServiceBus({
    queues: [{ name: 'orders' }],
    topics: [{ name: 'news', subscriptions: [{ name: 'dated' }] }],
  });
  const client = new ServiceBusClient(bus.connectionString);
  onTestFinished(async () => {
    await client.close();
    await bus.close();
  });
  return { bus, client };
}

const described = (code: number, ...value: number[]) => Buffer.from([0, 0x53, code, ...value]);

test.each([
  ['properties', described(0x73, 0xc0, 3, 1, 0xff, 0xff)],
  ['annotations', described(0x72, 0xc1, 4, 2, 0xff, 0xff, 0xff)],
  ['header', described(0x70, 0xc0, 3, 2, 0xff, 0xff)],
  ['whole, which is nothing', Buffer.alloc(0)],
])('a message with an undecodable %s is rejected, and the connection goes on', async (_, bytes) => {
  const { bus } = await setUp();
  const connection = connectRaw(bus.port);
  await showToken(connection, bus.port);
  const sender = connection.open_sender('orders');
  await once(sender, 'sendable');
  const rejected = once(sender, 'rejected');
  sender.send(bytes, undefined, 0);
  const [{ delivery }] = await rejected;
  expect(delivery.remote_state.error.condition).toBe('amqp:decode-error');
  const accepted = once(sender, 'accepted');
  sender.send({ body: 'fine' });
  await accepted;
  expect(bus.entity('orders').peek()).toHaveLength(1);
  expect(bus.counters().connections.protocolErrors).toBe(0);
});

test.each([
  ['application properties that are cut', described(0x74, 0xc1, 4, 2, 0xff, 0xff, 0xff)],
  ['application properties that are a list', described(0x74, 0xc0, 3, 1, 0xa1, 0)],
  ['application properties with a key alone', described(0x74, 0xc1, 4, 1, 0xa1, 1, 0x61)],
  ['annotations that are a list', described(0x72, 0xc0, 3, 1, 0xa3, 0)],
])('a message with %s is rejected, before anybody has to read them', async (_, bytes) => {
  const { bus } = await setUp();
  const connection = connectRaw(bus.port);
  await showToken(connection, bus.port);
  for (const address of ['orders', 'news']) {
    const sender = connection.open_sender(address);
    await once(sender, 'sendable');
    const rejected = once(sender, 'rejected');
    sender.send(bytes, undefined, 0);
    const [{ delivery }] = await rejected;
    expect(delivery.remote_state.error.condition).toBe('amqp:decode-error');
  }
  expect(bus.counters()).toMatchObject({ totals: { received: 0 }, connections: { protocolErrors: 0 } });
});

test("a body is nobody's business but its receiver's: rules pass it on", async () => {
  const { bus, client } = await setUp();
  const rules = client.createRuleManager('news', 'dated');
  await rules.deleteRule('$Default');
  await rules.createRule('by colour', { applicationProperties: { colour: 'red' } });
  const connection = connectRaw(bus.port);
  await showToken(connection, bus.port);
  const sender = connection.open_sender('news');
  await once(sender, 'sendable');
  const accepted = once(sender, 'accepted');
  const red = Buffer.concat([
    Buffer.from([0xc1, 14, 2, 0xa1, 6]),
    Buffer.from('colour'),
    Buffer.from([0xa1, 3]),
    Buffer.from('red'),
  ]);
  sender.send(
    Buffer.concat([described(0x74, ...red), described(0x77, 0xc0, 3, 1, 0xff, 0xff)]),
    undefined,
    0,
  );
  await accepted;
  expect(bus.counters().entities['news/Subscriptions/dated']).toMatchObject({ active: 1 });
});

test.each(['$cbs', 'orders/$management'])(
  'a request to %s that cannot be decoded is rejected',
  async (address) => {
    const { bus } = await setUp();
    const connection = connectRaw(bus.port);
    await showToken(connection, bus.port);
    const sender = connection.open_sender(address);
    await once(sender, 'sendable');
    for (const bytes of [described(0x73, 0xc0, 3, 1, 0xff, 0xff), Buffer.alloc(0), Buffer.from('no')]) {
      const rejected = once(sender, 'rejected');
      sender.send(bytes, undefined, 0);
      const [{ delivery }] = await rejected;
      expect(delivery.remote_state.error.condition).toBe('amqp:decode-error');
    }
    const accepted = once(sender, 'accepted');
    sender.send({ body: 'a request of nothing, with nowhere to reply to' });
    await accepted;
    expect(bus.counters().connections).toMatchObject({ open: 1, protocolErrors: 0 });
  },
);

test('peeking begins at any number that the client can name', async () => {
  const { client } = await setUp();
  await client.createSender('orders').sendMessages([{ body: 1 }, { body: 2 }]);
  const receiver = client.createReceiver('orders');
  const from = async (fromSequenceNumber: Long) =>
    (await receiver.peekMessages(5, { fromSequenceNumber })).map(({ body }) => body);
  expect(await from(Long.MAX_VALUE)).toEqual([]);
  expect(await from(Long.fromNumber(2))).toEqual([2]);
  expect(await from(Long.MIN_VALUE)).toEqual([1, 2]);
});

test('a correlation filter compares times by what they are', async () => {
  const { client, bus } = await setUp();
  const rules = client.createRuleManager('news', 'dated');
  const when = new Date(1_700_000_000_000);
  await rules.createRule('then', { applicationProperties: { when } });
  await rules.deleteRule('$Default');
  await client.createSender('news').sendMessages([
    { body: 'then', applicationProperties: { when } },
    { body: 'later', applicationProperties: { when: new Date(1_700_000_000_001) } },
  ]);
  expect(
    bus
      .entity('news/Subscriptions/dated')
      .peek()
      .map(({ body }) => body),
  ).toEqual(['then']);
});
