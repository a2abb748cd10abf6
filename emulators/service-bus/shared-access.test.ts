import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { ServiceBusClient } from '@azure/service-bus';
import type { Receiver, Sender } from 'rhea';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServiceBusEmulator, startServiceBus } from './index.ts';
import { connectRaw, showToken } from './raw-client-for-test.ts';
import { bySharedAccess, KEY, KEY_NAME } from './shared-access.ts';

let bus: ServiceBusEmulator;
beforeAll(async () => {
  bus = await startServiceBus({ queues: [{ name: 'work' }] });
});
afterAll(() => bus.close());

async function send(connectionString: string): Promise<unknown> {
  const client = new ServiceBusClient(connectionString, { retryOptions: { maxRetries: 0 } });
  try {
    return await client.createSender('work').sendMessages({ body: 1 });
  } finally {
    await client.close();
  }
}

test('the key of the namespace lets a client in', async () => {
  await expect(send(bus.connectionString)).resolves.toBeUndefined();
});

test.each([
  ['another key', (whole: string) => whole.replace(KEY, 'bm9wZQ==')],
  ['a key of another name', (whole: string) => whole.replace('RootManage', 'Root')],
])('%s does not', async (_, wrong) => {
  await expect(send(wrong(bus.connectionString))).rejects.toMatchObject({
    code: 'UnauthorizedAccess',
    message: expect.stringContaining('InvalidSignature'),
  });
});

test('a signature for one queue is good for that one, and for no other', async () => {
  const endpoint = bus.connectionString.split(';')[0]!;
  const address = (name: string) => encodeURIComponent(`${endpoint.replace('Endpoint=', '')}/${name}`);
  const signed = (name: string): string => {
    const se = Math.floor(Date.now() / 1000) + 60;
    const sig = createHmac('sha256', KEY)
      .update(`${address(name)}\n${se}`)
      .digest('base64');
    const token = `SharedAccessSignature sr=${address(name)}&sig=${encodeURIComponent(sig)}&se=${se}&skn=${KEY_NAME}`;
    return `${endpoint};SharedAccessSignature=${token};UseDevelopmentEmulator=true`;
  };
  await expect(send(signed('work'))).resolves.toBeUndefined();
  await expect(send(signed('wor'))).rejects.toThrow('InvalidAudience');
});

describe('a token', () => {
  const shown = (token: string, audience = 'sb://localhost/work') =>
    bySharedAccess({ type: 'servicebus.windows.net:sastoken', token, audience });

  test.each([
    '',
    'SharedAccessSignature',
    'SharedAccessSignature sr=%&sig=%E0&se=1&skn=RootManageSharedAccessKey',
    'Bearer x',
  ])('that is none is refused: %j', (token) => expect(shown(token)).toContain('InvalidSignature'));
});

test('who has shown no token may attach nothing but $cbs', async () => {
  const connection = connectRaw(bus.port);
  const refused = async (link: Sender | Receiver, event: string) => {
    await once(link, event);
    return (link.error as { condition: string }).condition;
  };
  const attach = () => [
    refused(connection.open_sender('work'), 'sender_error'),
    refused(connection.open_receiver('work'), 'receiver_error'),
    refused(connection.open_sender('work/$management'), 'sender_error'),
  ];
  expect(await Promise.all(attach())).toEqual(Array(3).fill('amqp:unauthorized-access'));
  expect(await showToken(connection, bus.port)).toBe(202);
  const sender = connection.open_sender('work');
  await once(sender, 'sendable');
});
