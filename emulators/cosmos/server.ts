import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { type Answer, type CosmosRequest, header } from './answer.ts';
import { authenticate, type Credentials } from './auth.ts';
import { type CosmosCounters, countRefusal } from './counters.ts';
import type { Faults } from './faults.ts';
import { operationOf } from './item-routes.ts';
import { badRequest, Refusal, refusalBody } from './refusal.ts';
import type { Budget } from './request-units.ts';
import { MAX_BODY, readBody, type Sent, send } from './wire.ts';

const MAX_IDLE_MS = 300_000;

export type Service = {
  credentials: Credentials;
  faults: Faults;
  budget: Budget;
  counters: () => CosmosCounters;
  lastLsn: () => number;
  /** Milliseconds; the clock that `_ts` is taken from. */
  now: () => number;
  respond: (request: CosmosRequest) => Answer;
};
export type Listener = { port: number; dropConnections(): void; close(): Promise<void> };

/** Listens with HTTP, or with HTTPS when a certificate is given. */
export async function listen(
  service: Service,
  host: string,
  port: number,
  tls?: { key: string; cert: string },
): Promise<Listener> {
  let inFlight = 0;
  const onRequest = (message: IncomingMessage, response: ServerResponse) => {
    const counters = service.counters();
    counters.requests += 1;
    inFlight += 1;
    counters.concurrentPeak = Math.max(counters.concurrentPeak, inFlight);
    response.once('close', () => {
      inFlight -= 1;
    });
    answerRequest(service, message, response, tls !== undefined).catch((error: unknown) => {
      // A bug of ours: the client must see it as an error, and so must whoever runs this.
      console.error('cosmos emulator:', error);
      if (response.headersSent) response.destroy();
      else send(response, service, { status: 500, body: refusalBody(500, String(error)), charge: 0 });
    });
  };
  const server: Server & { keepAliveTimeout: number } = tls
    ? createTlsServer(tls, onRequest)
    : createServer(onRequest);
  // The client keeps its sockets; if we closed them at Node's 5 s, its next write could meet a reset.
  server.keepAliveTimeout = MAX_IDLE_MS;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    if (service.faults.now().refuseConnections) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.once('close', () => sockets.delete(socket));
    // Clients that are killed reset their sockets; 'close' follows and is all that we need.
    socket.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const dropConnections = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    dropConnections,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        dropConnections();
      }),
  };
}

async function answerRequest(
  service: Service,
  message: IncomingMessage,
  response: ServerResponse,
  secure: boolean,
): Promise<void> {
  const { faults, counters } = service;
  const body = await readBody(message);
  if (body === 'aborted' || faults.now().freeze) return;
  const { latencyMs } = faults.now();
  if (latencyMs > 0) await delay(latencyMs);
  if (response.destroyed) return;
  let operation: CosmosRequest['operation'] = 'metadata';
  let answer: Sent;
  try {
    const request = understand(service, message, body, secure);
    operation = request.operation;
    const fate = operation === 'metadata' ? 'carried out' : faults.fateOf();
    if (fate === 'reset') reset(message.socket);
    if (fate !== 'carried out') return;
    faults.strike(operation);
    admit(service.budget, operation);
    answer = service.respond(request);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { status, substatus, retryAfterMs, charge, info } = error;
    answer = { status, body: refusalBody(status, error.message, info), charge, substatus, retryAfterMs };
  }
  const isItem = operation !== 'metadata';
  if (isItem) service.budget.spend(answer.charge);
  count(counters(), operation, answer, body.length);
  if (answer.committed && answer.committed.length > 0 && faults.dropsThisWrite()) {
    // The unknown outcome: committed, and the client will never be told.
    message.socket.destroy();
    return;
  }
  send(response, service, answer);
}

function reset(socket: Socket): void {
  // Node can reset a TCP socket only; a TLS connection that ends without a goodbye is as good as reset.
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}

function understand(
  service: Service,
  message: IncomingMessage,
  body: Buffer,
  secure: boolean,
): CosmosRequest {
  const { headers, method = 'GET', url = '/' } = message;
  const path = url.split('?', 1)[0]!;
  const identity = authenticate(
    {
      method,
      path,
      date: header(headers, 'x-ms-date') ?? headers.date,
      authorization: headers.authorization,
      secure,
    },
    service.credentials,
  );
  const segments = path
    .split('/')
    .filter((part) => part !== '')
    .map(decodeSegment);
  const operation = operationOf(method, segments, headers);
  if (body.length > MAX_BODY) throw new Refusal(413, 0, 'Request size is too large.');
  const endpoint = `${secure ? 'https' : 'http'}://${headers.host}/`;
  return { method, segments, headers, body: body.toString('utf8'), identity, endpoint, operation };
}

function decodeSegment(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    if (error instanceof URIError) throw badRequest('The path holds malformed percent-encoding.');
    throw error;
  }
}

function admit(budget: Budget, operation: CosmosRequest['operation']): void {
  if (operation === 'metadata') return;
  const waitMs = budget.admit();
  if (waitMs > 0)
    throw new Refusal(429, 3200, 'Request rate is large. More request units may be needed.', waitMs);
}

function count(
  counters: CosmosCounters,
  operation: CosmosRequest['operation'],
  answer: Answer,
  bytesIn: number,
): void {
  counters.bytesIn += bytesIn;
  counters.bytesOut += Buffer.byteLength(answer.body);
  counters.requestUnits += operation === 'metadata' ? 0 : answer.charge;
  if (operation === 'read') counters.reads += 1;
  else if (operation === 'query') counters.queries += 1;
  else if (operation !== 'metadata') {
    if (answer.status >= 400) countRefusal(counters, answer.status);
    for (const status of answer.refused ?? []) countRefusal(counters, status);
    for (const kind of answer.committed ?? []) counters.writes[kind] += 1;
    if (operation === 'batch' && answer.committed?.length) counters.writes.batch += 1;
  }
}
