import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

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
  const servers: { server: Server; port: number; sockets: Set<Socket> }[] = [];

  let changing: Promise<void> = Promise.resolve();

  async function listen(server: Server, port: number): Promise<void> {
    server.listen(port, options.host);
    await once(server, 'listening');
  }

  async function open(server: Server, wanted: number): Promise<number> {
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    await listen(server, wanted);
    const { port } = server.address() as AddressInfo;
    servers.push({ server, port, sockets });
    return port;
  }

  async function close(): Promise<void> {
    for (const { server, sockets } of servers) {
      const closed = server.listening ? once(server, 'close') : undefined;
      if (server.listening) server.close();
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
    setListening(isWanted) {
      const change = changing.then(async () => {
        for (const { server, port } of servers) {
          if (isWanted === server.listening) continue;
          if (isWanted) await listen(server, port);
          // Not waited for: it ends only when the connections that stand do.
          else server.close();
        }
      });
      // The caller hears of a failure; the next change is tried all the same.
      changing = change.catch(() => undefined);
      return change;
    },
    dropConnections() {
      for (const { sockets } of servers) for (const socket of sockets) socket.resetAndDestroy();
    },
    close,
  };
}
