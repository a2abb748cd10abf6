import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

export type Tls = { key: string; cert: string; port?: number | undefined };
export type Handler = (request: IncomingMessage, response: ServerResponse, secure: boolean) => void;

/** An HTTP server, and an HTTPS one beside it if a certificate is given, with one handler; both can be cut off. */
export async function listenHttp(given: {
  host: string;
  port: number;
  tls: Tls | undefined;
  handler: Handler;
  refuse: () => boolean;
}) {
  const sockets = new Set<Socket>();
  const start = async (server: Server, port: number): Promise<number> => {
    server.keepAliveTimeout = 60_000;
    server.on('connection', (socket: Socket) => {
      if (given.refuse()) return void socket.destroy();
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, given.host, resolve);
    });
    return (server.address() as AddressInfo).port;
  };
  const plain = createServer((request, response) => given.handler(request, response, false));
  const servers: Server[] = [plain];
  const port = await start(plain, given.port);
  let tlsPort: number | undefined;
  if (given.tls) {
    const secure = createTlsServer(given.tls, (request, response) => given.handler(request, response, true));
    servers.push(secure as unknown as Server);
    tlsPort = await start(secure as unknown as Server, given.tls.port ?? 0);
  }
  return {
    port,
    tlsPort,
    dropConnections(): void {
      for (const socket of sockets) socket.destroy();
    },
    async close(): Promise<void> {
      const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
      for (const socket of sockets) socket.destroy();
      await Promise.all(closed);
    },
  };
}

/** The whole body as text. @throws Error when it is longer than `limit` bytes */
export async function readBody(request: IncomingMessage, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= limit) chunks.push(chunk);
  }
  if (bytes > limit) throw new RangeError(`the body has ${bytes} bytes, more than ${limit}`);
  return Buffer.concat(chunks).toString('utf8');
}
