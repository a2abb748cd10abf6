import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import { makeListening } from '../listening.ts';
import { openPassage, type Passage, type PassageOptions } from './passage.ts';

export type Door = {
  port: number;
  /** Stops or starts listening; the port stays the same. */
  setListening(isWanted: boolean): Promise<void>;
  dropConnections(): void;
  /** To be called when `faults().freeze` has changed. */
  thaw(): void;
  close(): Promise<void>;
};

export type DoorOptions = PassageOptions & {
  host: string;
  port: number;
  tls?: { key: string; cert: string } | undefined;
  connect(): Duplex;
};

/** Listens where clients connect, ends their TLS if asked to, and gives each its passage to the server. */
export async function openDoor(options: DoorOptions): Promise<Door> {
  const sockets = new Set<Socket>();
  const passages = new Set<Passage>();
  let frozenOut: Socket[] = [];
  const tls = options.tls && createTlsServer(options.tls, admit);
  // A client that gives up, or does not trust the certificate: its own affair.
  tls?.on('tlsClientError', (_, socket) => socket.destroy());

  function admit(client: Duplex): void {
    const passage = openPassage(client, options.connect(), options);
    passages.add(passage);
    client.once('close', () => passages.delete(passage));
  }

  function greet(socket: Socket): void {
    if (tls) tls.emit('connection', socket);
    else admit(socket);
  }

  function accept(socket: Socket): void {
    options.traffic.connected();
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
    // A frozen server gets as far as the kernel does: connected, and not even a TLS handshake.
    if (options.faults().freeze) frozenOut.push(socket);
    else greet(socket);
  }

  const server: Server = createServer({ allowHalfOpen: true }, accept);
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const listening = makeListening(server, options.host, port);

  function dropConnections(): void {
    for (const socket of sockets) socket.resetAndDestroy();
  }

  return {
    port,
    setListening: listening.set,
    dropConnections,
    thaw() {
      if (!options.faults().freeze) {
        const admitted = frozenOut.filter((socket) => !socket.destroyed);
        frozenOut = [];
        for (const socket of admitted) greet(socket);
      }
      for (const passage of passages) passage.flush();
    },
    async close() {
      const closed = listening.end();
      for (const passage of passages) passage.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
