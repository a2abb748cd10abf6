import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import rhea, { type EventContext } from 'rhea';
import { pathIn } from './address.ts';
import type { Broker, Peer } from './broker.ts';
import { makeDelayLine } from './delay-line.ts';
import { listenTo, makeHttpRefusal, refuseTls } from './other-protocols.ts';
import { openReceivingLink } from './receiving-links.ts';
import { Refusal } from './refusal.ts';
import { CBS, isRequestAddress, openReplyLink, openRequestLink } from './request-links.ts';
import type { ConnectionInternals, ReceiverInternals, SenderInternals } from './rhea-internals.ts';
import { keepBytes, writeOutcomesApart, writeTogether } from './rhea-workarounds.ts';
import { MAX_MESSAGE_BYTES, openSendingLink } from './sending-links.ts';
import { makeTokens, type Tokens } from './tokens.ts';
import { systemClock } from './wake-up.ts';

export type Tls = { key: string; cert: string; port?: number };

const SEND_CREDIT = 1000;

/** Listens, and speaks AMQP with everyone who comes. */
export function makeConnections(broker: Broker, host: string, tls: Tls | undefined) {
  const container = rhea.create_container();
  const open = new Map<Socket, { lost: () => void; resume: () => void; tokens: Tokens }>();
  const counts = { accepted: 0, protocolErrors: 0 };
  // rhea brings here what went wrong while it read or wrote, and closes the connection: what a peer said wrong, which
  // is counted, and errors of our own, which nobody must miss.
  container.on('error', (error: Error & { condition?: string }) => {
    counts.protocolErrors++;
    if (error.condition === undefined) console.error('service-bus stand-in:', error);
  });
  container.on('protocol_error', () => counts.protocolErrors++);
  // Without a listener rhea throws or writes to the console; the closing of the socket tells all that we need.
  for (const event of ['connection_error', 'session_error', 'sender_error', 'receiver_error', 'disconnected'])
    container.on(event, () => {});

  const refuseHttp = makeHttpRefusal();
  // Those that have not said a word yet, and those that do not speak AMQP.
  const others = new Set<Socket>();
  const accept = (socket: Socket): void => {
    const { refuseConnections } = broker.faults();
    if (refuseConnections) {
      socket.destroy();
      return;
    }
    others.add(socket);
    // A connection that is reset has nobody to tell; 'close' follows.
    socket.on('error', () => {});
    socket.on('close', () => others.delete(socket));
    listenTo(socket, (protocol) => {
      if (protocol === 'http') refuseHttp(socket);
      else if (protocol === 'tls') refuseTls(socket);
      else {
        others.delete(socket);
        speakAmqp(socket);
      }
    });
  };

  const speakAmqp = (socket: Socket): void => {
    counts.accepted++;
    const connection = container.create_connection({
      tcp_no_delay: true,
      max_frame_size: 65_536,
      channel_max: 65_535,
      sender_options: { autosettle: false, treat_modified_as_released: false },
      receiver_options: {
        autoaccept: false,
        credit_window: SEND_CREDIT,
        max_message_size: MAX_MESSAGE_BYTES,
      },
    } as unknown as Parameters<typeof container.create_connection>[0]) as ConnectionInternals;
    const peer: Peer = {
      connection,
      line: makeDelayLine(() => broker.faults().latencyMs),
      tokens: makeTokens(systemClock),
      replyLinks: new Map(),
      links: new Set(),
    };
    writeTogether(connection);
    const resume = freezable(connection, socket, () => broker.faults().freeze);
    const leaveAll = (inGoodOrder: boolean): void => {
      for (const leave of [...peer.links]) leave(inGoodOrder);
    };
    const lost = (): void => {
      open.delete(socket);
      peer.line.stop();
      peer.tokens.stop();
      leaveAll(false);
    };
    open.set(socket, { lost, resume, tokens: peer.tokens });
    connection.on('session_open', ({ session }: EventContext) => {
      keepBytes(session!);
      writeOutcomesApart(session!);
    });
    connection.on('sender_open', ({ sender }: EventContext) => attach(sender as SenderInternals, peer));
    connection.on('receiver_open', ({ receiver }: EventContext) =>
      attach(receiver as ReceiverInternals, peer),
    );
    connection.on('connection_close', () => leaveAll(true));
    socket.on('close', () => {
      lost();
      // rhea listens for 'end' and 'error' only, and would go on with its heartbeat on a socket that we destroyed.
      connection.eof();
    });
    connection.accept(socket);
  };

  const attach = (link: SenderInternals | ReceiverInternals, peer: Peer): void => {
    const sends = link.is_receiver();
    const address = pathIn((sends ? link.target : link.source)?.address);
    let detach = (condition: string, description: string): void =>
      peer.line.push(() => link.close({ condition, description }));
    try {
      const refusal =
        (address === CBS ? undefined : peer.tokens.refusal(address)) ??
        (isRequestAddress(address) ? undefined : broker.refusals.ofAttach());
      if (refusal) throw refusal;
      if (isRequestAddress(address)) {
        if (sends) openRequestLink(link as ReceiverInternals, address, peer, broker);
        else openReplyLink(link as SenderInternals, address, peer, broker);
      } else if (sends) openSendingLink(link as ReceiverInternals, address, peer, broker);
      else ({ detach } = openReceivingLink(link as SenderInternals, address, peer, broker));
      if (address === CBS) return;
      const release = peer.tokens.guard(address, detach);
      link.on(sends ? 'receiver_close' : 'sender_close', release);
      link.session.on('session_close', release);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      link.close({ condition: error.condition, description: error.message });
    }
  };

  let servers: Server[] = [];
  const listen = async (server: Server, port: number): Promise<number> => {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        server.removeListener('error', reject);
        resolve();
      });
    });
    servers.push(server);
    return (server.address() as AddressInfo).port;
  };
  const drop = (): number => {
    const all = [...open];
    // 'close' comes later, and until then messages would be delivered into nothing.
    for (const [socket, { lost }] of all) {
      lost();
      socket.destroy();
    }
    for (const socket of others) socket.destroy();
    return all.length;
  };
  return {
    /** @throws Error when a port is taken */
    async start(
      port: number,
      tlsPort: number | undefined,
    ): Promise<{ port: number; tlsPort: number | undefined }> {
      const plain = await listen(createServer({ noDelay: true }, accept), port);
      if (!tls) return { port: plain, tlsPort: undefined };
      const secure = createTlsServer({ key: tls.key, cert: tls.cert, noDelay: true } as object, accept);
      // A client that does not trust the certificate ends the handshake; that is its own affair.
      secure.on('tlsClientError', (_error, socket) => socket.destroy());
      return { port: plain, tlsPort: await listen(secure, tlsPort ?? tls.port ?? 0) };
    },
    async stop(): Promise<void> {
      const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
      servers = [];
      drop();
      await Promise.all(closed);
    },
    drop,
    /** To be called when a freeze begins or ends. */
    freezeChanged(): void {
      for (const { resume } of open.values()) resume();
    },
    /** Lets all tokens shown so far expire so soon. Returns how many. */
    expireTokens(inMs: number): number {
      return [...open.values()].reduce((sum, { tokens }) => sum + tokens.expireIn(inMs), 0);
    },
    counters: () => ({ open: open.size, ...counts }),
    resetCounters(): void {
      counts.accepted = 0;
      counts.protocolErrors = 0;
    },
  };
}

/** Reads and keeps what comes while frozen, and holds back what would go out. Returns what to call on a change. */
function freezable(connection: ConnectionInternals, socket: Socket, isFrozen: () => boolean): () => void {
  const input = connection.input;
  let kept: Buffer[] = [];
  let corked = false;
  connection.input = function (chunk) {
    if (isFrozen()) kept.push(chunk);
    else input.call(this, chunk);
  };
  const change = (): void => {
    if (isFrozen() === corked) return;
    corked = !corked;
    if (corked) {
      socket.cork();
      return;
    }
    socket.uncork();
    const chunks = kept;
    kept = [];
    for (const chunk of chunks) input.call(connection, chunk);
  };
  change();
  return change;
}
