import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { startServiceBus } from './index.ts';
import { connectRaw, showToken } from './raw-client-for-test.ts';
import { message as amqpMessage } from './rhea-internals.ts';

/** As azure-servicebus 7.15 for Python does it: one session for all, addresses that are URLs, requests that name no link to reply to. */
async function connectAsPython() {
  const bus = await startServiceBus({ queues: [{ name: 'work' }, { name: 'talks', requiresSession: true }] });
  onTestFinished(() => bus.close());
  const connection = connectRaw(bus.port);
  await showToken(connection, bus.port);
  const session = connection.create_session();
  session.begin();
  const ask = async (address: string, application_properties: Record<string, string>, body: unknown) => {
    const replies = session.open_receiver({ name: 'replies', source: address, target: address });
    const requests = session.open_sender({ name: 'requests', source: address, target: address });
    // That client gives up a link whose attach is answered without either.
    await Promise.all([once(replies, 'receiver_open'), once(requests, 'sender_open')]);
    for (const link of [replies, requests])
      expect([link.source?.address, link.target?.address]).toEqual([address, address]);
    requests.send({ message_id: 'one', application_properties, body });
    const [{ message }] = await once(replies, 'message');
    return message;
  };
  return { bus, session, ask, urlOf: (name: string) => `amqps://localhost:${bus.port}/${name}` };
}

test('a token is shown without a word on where to reply: the answer comes beside the request', async () => {
  const { ask } = await connectAsPython();
  const type = 'servicebus.windows.net:sastoken';
  const reply = await ask('$cbs', { operation: 'put-token', type, name: 'sb://localhost/work' }, 'a token');
  expect(reply.correlation_id).toBe('one');
  expect(reply.application_properties).toHaveProperty('status-code');
});

test('an entity is reached by its URL, to send to it and to receive from it', async () => {
  const { bus, session, urlOf } = await connectAsPython();
  const sender = session.open_sender({ name: 'out', source: 'sender-link', target: urlOf('work') });
  await once(sender, 'sendable');
  sender.send({ body: 'a word' });
  await once(sender, 'accepted');
  expect(bus.entity('work').peek()).toHaveLength(1);
  const receiver = session.open_receiver({ name: 'in', source: urlOf('work'), autoaccept: true });
  const [{ message }] = await once(receiver, 'message');
  expect(String(message.body)).toBe('a word');
});

test('who accepts the next session is told which it is, under the address that was asked for', async () => {
  const { bus, session, urlOf } = await connectAsPython();
  bus.entity('talks').send([{ sessionId: 'A', body: 1 }]);
  const address = urlOf('talks');
  const filter = { 'com.microsoft:session-filter': null };
  const receiver = session.open_receiver({ name: 'in', source: { address, filter } });
  await once(receiver, 'receiver_open');
  expect(receiver.source).toMatchObject({ address, filter: { 'com.microsoft:session-filter': 'A' } });
});

test('a settlement is confirmed by the outcome that was asked for', async () => {
  const { bus, session, urlOf } = await connectAsPython();
  const way = { rcv_settle_mode: 1, credit_window: 0, autoaccept: false, autosettle: false } as const;
  const receiver = session.open_receiver({ name: 'in', source: urlOf('work'), ...way });
  await once(receiver, 'receiver_open');
  const confirmationOf = async (outcome: { described(): unknown }) => {
    bus.entity('work').send([{ body: 1 }]);
    receiver.add_credit(1);
    const [{ delivery }] = await once(receiver, 'message');
    delivery.update(false, outcome.described());
    await expect.poll(() => delivery.remote_settled).toBe(true);
    return delivery.remote_state;
  };
  const { accepted, rejected, modified } = amqpMessage;
  const error = { condition: 'com.microsoft:dead-letter', description: 'why' };
  const kindOf = (state: object) =>
    (state.constructor as unknown as { descriptor: { symbolic: string } }).descriptor.symbolic;
  expect(kindOf(await confirmationOf(accepted()))).toBe('amqp:accepted:list');
  const setAside = await confirmationOf(rejected({ error }));
  expect(kindOf(setAside)).toBe('amqp:rejected:list');
  expect(setAside.error ?? undefined).toBeUndefined();
  const deferred = await confirmationOf(modified({ undeliverable_here: true }));
  expect(kindOf(deferred)).toBe('amqp:modified:list');
  expect(deferred.undeliverable_here).toBe(true);
  const abandoned = await confirmationOf(modified({ undeliverable_here: false }));
  expect([kindOf(abandoned), abandoned.undeliverable_here]).toEqual(['amqp:modified:list', false]);
});
