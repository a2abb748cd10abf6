import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import rhea, { type Connection, type EventContext } from 'rhea';
import { onTestFinished } from 'vitest';
import { KEY, KEY_NAME } from './shared-access.ts';

/** A connection of a client that does nothing of its own accord; it ends with the test. */
export function connectRaw(port: number): Connection {
  const connection = rhea.create_container().connect({ port, host: '127.0.0.1', reconnect: false });
  connection.on('disconnected', () => {});
  onTestFinished(async () => {
    if (connection.is_closed()) return;
    connection.close();
    await once(connection, 'connection_close');
  });
  return connection;
}

/** Shows a token for the whole namespace, as every client has to before it attaches a link. @returns the reply's status */
export async function showToken(connection: Connection, port: number): Promise<number> {
  const audience = `sb://localhost:${port}/`;
  const resource = encodeURIComponent(audience);
  const expiry = Math.floor(Date.now() / 1000) + 3600;
  const signature = createHmac('sha256', KEY).update(`${resource}\n${expiry}`).digest('base64');
  const receiver = connection.open_receiver({ source: '$cbs', name: 'cbs-replies' });
  const sender = connection.open_sender('$cbs');
  await Promise.all([once(receiver, 'receiver_open'), once(sender, 'sendable')]);
  const answered = once(receiver, 'message');
  sender.send({
    message_id: 'token',
    reply_to: 'cbs-replies',
    application_properties: {
      operation: 'put-token',
      type: 'servicebus.windows.net:sastoken',
      name: audience,
    },
    body: `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${expiry}&skn=${KEY_NAME}`,
  });
  const [{ message }] = (await answered) as [EventContext];
  return message!.application_properties!['status-code'];
}
