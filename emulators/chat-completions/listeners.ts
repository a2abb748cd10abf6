import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type Listening, makeListening } from '../listening.ts';

export type Listeners = {
  port: number;
  tlsPort: number | undefined;
  /** Stops or starts listening; the ports stay the same. Idle connections are closed with it. */
  setListening(isWanted: boolean): Promise<void>;
  dropConnections(): void;
  close(): Promise<void>;
};

export type ListenersOptions = {
  host: string;
  port: number;
  tls?: { key: string; cert: string; port?: number } | undefined;
};

/** The HTTP port and, if wanted, the HTTPS port beside it, both with the same handler. */
export async function openListeners(options: ListenersOptions, handler: RequestListener): Promise<Listeners> {
  const servers: { listening: Listening; sockets: Set<Socket> }[] = [];

  async function open(server: Server, wanted: number): Promise<number> {
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    server.listen(wanted, options.host);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    servers.push({ listening: makeListening(server, options.host, port), sockets });
    return port;
  }

  async function close(): Promise<void> {
    for (const { listening, sockets } of servers) {
      const closed = listening.end();
      for (const socket of sockets) socket.destroy();
      await closed;
    }
  }

  const port = await open(createServer(handler), options.port);
  let tlsPort: number | undefined;
  try {
    if (options.tls) tlsPort = await open(createTlsServer(options.tls, handler), options.tls.port ?? 0);
  } catch (error) {
    await close();
    throw error;
  }

  return {
    port,
    tlsPort,
    async setListening(isWanted) {
      await Promise.all(servers.map(({ listening }) => listening.set(isWanted)));
    },
    dropConnections() {
      for (const { sockets } of servers) for (const socket of sockets) socket.resetAndDestroy();
    },
    close,
  };
}
