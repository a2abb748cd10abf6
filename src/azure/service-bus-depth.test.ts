import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { makeCertificate } from '../../emulators/certificate.ts';
import { readConfig } from '../config.ts';
import type { Log } from '../pipeline/ports.ts';
import { makeDepth } from './service-bus-depth.ts';

/** As the service describes a subscription; the client reads the counts below CountDetails. */
const description = (id: string, active: number, dead: number): string => `<?xml version="1.0"?>
<entry xmlns="http://www.w3.org/2005/Atom"><id>${id}</id><title type="text">sub</title>
<content type="application/xml"><SubscriptionDescription xmlns="http://schemas.microsoft.com/netservices/2010/10/servicebus/connect" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">
<LockDuration>PT1M</LockDuration><RequiresSession>false</RequiresSession><MessageCount>${active + dead}</MessageCount><MaxDeliveryCount>10</MaxDeliveryCount><Status>Active</Status>
<CreatedAt>2026-01-01T00:00:00Z</CreatedAt><UpdatedAt>2026-01-01T00:00:00Z</UpdatedAt><AccessedAt>2026-01-01T00:00:00Z</AccessedAt>
<CountDetails xmlns:d2p1="http://schemas.microsoft.com/netservices/2011/06/servicebus"><d2p1:ActiveMessageCount>${active}</d2p1:ActiveMessageCount><d2p1:DeadLetterMessageCount>${dead}</d2p1:DeadLetterMessageCount><d2p1:ScheduledMessageCount>0</d2p1:ScheduledMessageCount><d2p1:TransferMessageCount>0</d2p1:TransferMessageCount><d2p1:TransferDeadLetterMessageCount>0</d2p1:TransferDeadLetterMessageCount></CountDetails>
</SubscriptionDescription></content></entry>`;

/** Service Bus' management endpoint, which answers as it is told; and what the log says of it. */
async function managing() {
  const given = { status: 200, active: 0, dead: 0, hangs: false };
  const asked: string[] = [];
  const server = createServer(await makeCertificate(), (request, response) => {
    asked.push(`${request.method} ${request.url?.split('?')[0]}`);
    if (given.hangs) return;
    response.writeHead(given.status, { 'content-type': 'application/atom+xml' });
    const body = description(`https://localhost${request.url}`, given.active, given.dead);
    response.end(given.status === 200 ? body : '<Error><Code>401</Code><Detail>No rights</Detail></Error>');
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  // The certificate is nobody's.
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  onTestFinished(() => {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    server.closeAllConnections();
    server.close();
  });
  const lines: string[] = [];
  const note = (level: string) => (fields: object, message: string) =>
    void lines.push(`${level} ${JSON.stringify(fields)} ${message}`);
  const log: Log = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') };
  const config = readConfig({
    SERVICEBUS_CONNECTION_STRING: `Endpoint=sb://localhost:${(server.address() as AddressInfo).port};SharedAccessKeyName=k;SharedAccessKey=secret`,
    SERVICEBUS_MESSAGE_COMPLETED_SUBSCRIPTION: 'the-subscription',
    COSMOS_ENDPOINT: 'https://localhost',
    COSMOS_KEY: 'k',
    COSMOS_DATABASE_NAME: 'd',
    COSMOS_CONTAINER_NAME: 'c',
    AZURE_AI_CHAT_ENDPOINT: 'https://localhost/openai/deployments/m',
    REDIS_HOST: 'localhost',
  });
  const credential = { getToken: async () => null };
  return { given, asked, lines, read: makeDepth(config, credential, log) };
}

test('messages and dead letters are read from the description of the subscription', async () => {
  const { given, asked, read } = await managing();
  Object.assign(given, { active: 1_234, dead: 7 });
  expect(await read()).toEqual({ backlog: 1_234, deadLetters: 7 });
  expect(asked).toEqual(['GET /message-completed/Subscriptions/the-subscription']);
});

test.each([401, 403])(
  'an identity that may not (%i) is told so once, and does not ask again',
  async (status) => {
    const { given, asked, lines, read } = await managing();
    given.status = status;
    expect(await read()).toBeUndefined();
    given.status = 200;
    expect(await read()).toBeUndefined();
    expect(asked).toHaveLength(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^info .*backlog and dead letters are not among the metrics/);
    expect(lines[0]).not.toContain('secret');
  },
);

test('who is not answered asks again the next time', async () => {
  const { given, read } = await managing();
  given.status = 503;
  expect(await read()).toBeUndefined();
  Object.assign(given, { status: 200, hangs: true });
  expect(await read()).toBeUndefined();
  Object.assign(given, { hangs: false, active: 3 });
  expect(await read()).toEqual({ backlog: 3, deadLetters: 0 });
});
