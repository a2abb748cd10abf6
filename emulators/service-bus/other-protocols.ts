import { createServer } from 'node:http';
import type { Socket } from 'node:net';

const TLS_HANDSHAKE = 0x16;

/** Waits for what a client says first, takes none of it, and tells whether that is AMQP; all that is not known is taken for it. */
export function listenTo(socket: Socket, then: (protocol: 'amqp' | 'http' | 'tls') => void): void {
  socket.once('readable', () => {
    const first: Buffer | null = socket.read();
    // Gone without a word.
    if (first === null) return;
    socket.unshift(first);
    if (first[0] === TLS_HANDSHAKE) then('tls');
    else then(/^(GET|PUT|POST|HEAD|PATCH|DELETE|OPTIONS) ?/.test(first.toString('latin1')) ? 'http' : 'amqp');
  });
}

// What ServiceBusAdministrationClient shows of a refusal is the detail; 501 keeps it from trying again.
const NOT_OFFERED =
  "This stand-in for Service Bus speaks AMQP alone: there is no administration over HTTPS, and no AMQP over WebSockets. Its entities are those that it was started with; for a subscription's rules use ServiceBusClient.createRuleManager.";

/** Says to whoever comes by HTTP that it is not offered: the administration client, and AMQP over WebSockets. */
export function makeHttpRefusal(): (socket: Socket) => void {
  const server = createServer((_request, response) => {
    response
      .writeHead(501, { 'content-type': 'application/xml', connection: 'close' })
      .end(`<Error><Code>501</Code><Detail>${NOT_OFFERED}</Detail></Error>`);
  });
  return (socket) => void server.emit('connection', socket);
}

/** Ends a TLS handshake where there is no TLS with an answer that no TLS client takes for its own, instead of a reset that it would try again after. */
export const refuseTls = (socket: Socket): void =>
  void socket.end(
    'HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\nThis port speaks AMQP without TLS.\n',
  );
