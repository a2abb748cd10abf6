import { once } from 'node:events';
import rhea from 'rhea';
import { expect, onTestFinished, test } from 'vitest';
import { startServiceBus } from './index.ts';

/** As azure-servicebus 7.15 for Python does it: one session for all, addresses that are URLs, requests that name no link to reply to. */
async function connectAsPython() {
  const bus = await startServiceBus({ queues: [{ name: 'work' }, { name: 'talks', requiresSession: true }] });
  const connection = rhea.create_container().connect({ port: bus.port, host: '127.0.0.1', reconnect: false });
  onTestFinished(async () => {
    connection.close();
    await once(connection, 'connection_close');
    await bus.close();
  });
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
