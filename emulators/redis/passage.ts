import type { Duplex } from 'node:stream';
import { makeCommandParser, ProtocolError } from './command-parser.ts';
import type { FailedReads } from './failed-reads.ts';
import type { RedisFaults } from './faults.ts';
import { makeHeldPipe } from './held-pipe.ts';
import { makeReplyBoundaries } from './reply-boundaries.ts';
import type { TrafficCounter } from './traffic.ts';

export type Passage = { flush(): void; close(): void };

export type PassageOptions = {
  faults(): RedisFaults;
  traffic: TrafficCounter;
  failedReads: FailedReads;
  /** Told of credentials before the server sees them, and waited for. */
  onCredentials: ((username: string, password: string) => Promise<void>) | undefined;
};

/**
 * One client's way to the server and back. It changes nothing but what a fault asks for; every command is matched with
 * its reply, for the counters and so that a failed read's reply can be exchanged for an error.
 */
export function openPassage(client: Duplex, server: Duplex, options: PassageOptions): Passage {
  const { faults, traffic } = options;
  // The commands without a reply yet, oldest first.
  const waiting: { failure: Buffer | undefined }[] = [];
  const toServer = makeHeldPipe(client, server, () => faults().freeze);
  const toClient = makeHeldPipe(server, client, () => faults().freeze);
  const boundaries = makeReplyBoundaries();
  let isReadable = true;
  let credentials: Promise<void>[] = [];
  const parser = makeCommandParser((args) => {
    const name = args[0]!.toString('latin1').slice(0, 64).toUpperCase();
    waiting.push({ failure: options.failedReads.replyTo(name, args) });
    traffic.started(name);
    const presented = readCredentials(name, args);
    if (presented && options.onCredentials) credentials.push(options.onCredentials(...presented));
  });

  function observe(chunk: Buffer): void {
    if (!isReadable) return;
    try {
      parser.push(chunk);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      // The server finds the same fault in the same bytes, answers it and closes.
      isReadable = false;
    }
  }

  client.on('data', (chunk: Buffer) => {
    traffic.received(chunk.length);
    credentials = [];
    observe(chunk);
    const ready = credentials.length > 0 ? Promise.all(credentials).then(() => undefined) : undefined;
    toServer.push(chunk, performance.now() + faults().latencyMs, ready);
  });

  server.on('data', (chunk: Buffer) => {
    const parts: Buffer[] = [];
    let start = 0;
    for (const { end, isPush } of boundaries(chunk)) {
      const command = isPush ? undefined : waiting.shift();
      if (command) traffic.finished(1);
      parts.push(command?.failure ?? chunk.subarray(start, end));
      start = end;
    }
    if (start < chunk.length && !waiting[0]?.failure) parts.push(chunk.subarray(start));
    for (const part of parts) {
      traffic.sent(part.length);
      toClient.push(part);
    }
  });

  function close(): void {
    traffic.finished(waiting.length);
    waiting.length = 0;
    toServer.close();
    toClient.close();
    client.destroy();
    server.destroy();
  }
  client.once('end', () => toServer.push('end'));
  server.once('end', () => toClient.push('end'));
  // How a connection broke is of no interest to a door; that it did is passed on by closing the other half.
  client.on('error', close);
  server.on('error', close);
  client.once('close', close);
  server.once('close', () => {
    if (!client.writableEnded) close();
  });

  return {
    flush() {
      toServer.flush();
      toClient.flush();
    },
    close,
  };
}

function readCredentials(name: string, args: Buffer[]): [string, string] | undefined {
  const at = name === 'AUTH' ? 0 : args.findIndex((argument) => argument.toString().toUpperCase() === 'AUTH');
  if ((name !== 'AUTH' && name !== 'HELLO') || at < 0) return undefined;
  const [username, password] = args.slice(at + 1, at + 3).map(String);
  return username === undefined || password === undefined ? undefined : [username, password];
}
