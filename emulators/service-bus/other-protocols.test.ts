import { once } from 'node:events';
import { connect } from 'node:net';
import { ServiceBusAdministrationClient, ServiceBusClient } from '@azure/service-bus';
import { expect, onTestFinished, test } from 'vitest';
import { makeCertificate } from '../certificate.ts';
import { startServiceBus } from './index.ts';

async function setUp() {
  const bus = await startServiceBus({ queues: [{ name: 'work' }], tls: await makeCertificate() });
  onTestFinished(() => bus.close());
  return bus;
}
const errorOf = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('it was answered'),
    (error) => error,
  );

test('the administration client hears over TLS that there is no administration, and asks once', async () => {
  const bus = await setUp();
  const address = `Endpoint=sb://localhost:${bus.tlsPort};SharedAccessKeyName=a;SharedAccessKey=b`;
  const administration = new ServiceBusAdministrationClient(address);
  let asked = 0;
  administration.pipeline.addPolicy(
    {
      name: 'trust',
      sendRequest(request, next) {
        asked++;
        request.tlsSettings = { rejectUnauthorized: false } as object;
        return next(request);
      },
    },
    { afterPhase: 'Retry' },
  );
  expect(await errorOf(administration.getQueue('work'))).toMatchObject({
    ...{ statusCode: 501, code: 'NotImplemented' },
    message: expect.stringMatching(/no administration.*createRuleManager/),
  });
  expect(asked).toBe(1);
});

test('the administration client, which speaks TLS only, hears at once that the other port has none', async () => {
  const bus = await setUp();
  const administration = new ServiceBusAdministrationClient(bus.connectionString);
  expect(await errorOf(administration.getQueue('work'))).toMatchObject({ code: 'EPROTO' });
});

test('HTTP and WebSockets are refused in plain words', async () => {
  const bus = await setUp();
  const answer = await fetch(`http://127.0.0.1:${bus.port}/work?api-version=2021-05`);
  expect([answer.status, await answer.text()]).toEqual([501, expect.stringMatching(/no administration/)]);
  const socket = new WebSocket(`ws://127.0.0.1:${bus.port}/$servicebus/websocket`, ['AMQPWSB10']);
  await once(socket, 'error');
  expect(bus.counters().connections).toEqual({ open: 0, accepted: 0, protocolErrors: 0 });
});

test('who speaks slowly is understood, and who says nothing holds nothing up', async () => {
  const bus = await setUp();
  const silent = connect(bus.port, '127.0.0.1');
  const slow = connect(bus.port, '127.0.0.1');
  await Promise.all([once(silent, 'connect'), once(slow, 'connect')]);
  slow.write('A');
  await expect.poll(() => bus.counters().connections.accepted).toBe(1);
  slow.write(Buffer.from([...Buffer.from('MQP'), 0, 1, 0, 0]));
  expect((await once(slow, 'data'))[0].subarray(0, 4).toString()).toBe('AMQP');
  const client = new ServiceBusClient(bus.connectionString);
  await client.createSender('work').sendMessages({ body: 1 });
  await client.close();
  bus.act('dropConnections');
  await Promise.all([once(silent, 'close'), once(slow, 'close')]);
});
