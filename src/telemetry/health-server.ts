import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Failure } from '../pipeline/failures.ts';
import type { Log } from '../pipeline/ports.ts';

export type Answer = { status: number; type: string; body: string };
/** By path. */
export type Answers = Readonly<Record<string, () => Answer | Promise<Answer>>>;

/** Answers what is under a path of its own. */
export type Part = {
  path: string;
  answer(request: IncomingMessage, response: ServerResponse, path: string): Promise<void>;
};

export type HealthServer = { url: string; close(): Promise<void> };
export type Place = {
  host: string;
  port: number;
  /** Where the port is taken, any other will do. */
  isAnyPortGood: boolean;
};

/** Whoever asks is a probe or a scraper, which is brief: anybody else is shown the door. */
const LIMITS = {
  maxHeaderSize: 8_192,
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
};
const IDLE_MS = 10_000;
const MAX_CONNECTIONS = 100;

/**
 * Answers GET and HEAD of a few paths. No body of a request is ever read, but by the part that is given.
 * @throws Failure HealthUnavailable, naming the variable that is to be changed
 */
export async function startHealthServer(
  place: Place,
  answers: Answers,
  log: Log,
  part?: Part,
): Promise<HealthServer> {
  const server = createServer(LIMITS, (request, response) => void answer(request, response));
  // Nobody is invited to send a body that nobody reads.
  server.on('checkContinue', (request, response) => void answer(request, response));
  server.setTimeout(IDLE_MS);
  boundConnections(server);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const path = pathOf(request);
      if (part && (path === part.path || path.startsWith(`${part.path}/`)))
        return await part.answer(request, response, path);
      const known = Object.hasOwn(answers, path) ? answers[path] : undefined;
      if (!known) return send(response, 404, `expected one of ${Object.keys(answers).join(', ')}\n`);
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.setHeader('allow', 'GET, HEAD');
        return send(response, 405, 'expected GET\n');
      }
      const { status, type, body } = await known();
      send(response, status, body, type);
    } catch (error) {
      log.warn(
        { path: pathOf(request).slice(0, 40), reason: (error as Error).message },
        'no answer was found',
      );
      if (response.headersSent) response.destroy();
      else send(response, 500, 'no answer was found: see the log\n');
    }
  }

  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, place.host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  try {
    await listen(place.port);
  } catch (error) {
    if (!place.isAnyPortGood || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE')
      throw unavailable(place, error as NodeJS.ErrnoException);
    log.warn(
      { code: 'HealthUnavailable', port: place.port },
      'the port of the health server is taken: any free one is used (HEALTH_PORT chooses)',
    );
    await listen(0);
  }
  // It is no reason for the process to live.
  server.unref();
  const { address, family, port } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

/**
 * Of more connections than there may be one gives way to the newest, which is a probe's: the one that has been asking for nothing
 * longest; where all are being answered, the first of these. A crowd that sits there, or asks for what it is not given, must not
 * make the platform think that the worker is dead.
 */
function boundConnections(server: Server): void {
  const idle = new Set<Socket>();
  const busy = new Set<Socket>();
  const forget = (socket: Socket): void => {
    idle.delete(socket);
    busy.delete(socket);
  };
  server.on('connection', (socket: Socket) => {
    if (idle.size + busy.size >= MAX_CONNECTIONS) {
      const [first] = [...idle, ...busy];
      forget(first!);
      first!.destroy();
    }
    idle.add(socket);
    socket.once('close', () => forget(socket));
  });
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    idle.delete(socket);
    busy.add(socket);
    response.once('finish', () => {
      if (busy.delete(socket) && !socket.destroyed) idle.add(socket);
    });
  });
}

/** Without what is asked for behind it, which may be anything. */
const pathOf = ({ url = '' }: IncomingMessage): string => url.split('?', 1)[0]!;

function send(response: ServerResponse, status: number, body: string, type = 'text/plain'): void {
  // What was to come behind the head of a request that has a body is not waited for.
  const { method, headers } = response.req;
  const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  if (hasBody || (method !== 'GET' && method !== 'HEAD')) response.setHeader('connection', 'close');
  response.writeHead(status, {
    'content-type': `${type}; charset=utf-8`,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}

function unavailable({ host, port }: Place, error: NodeJS.ErrnoException): Failure {
  const reasons: Record<string, string> = {
    EADDRINUSE: `HEALTH_PORT is ${port}, which is taken on ${host}, expected a free port, 0 for any free one, or off`,
    EACCES: `HEALTH_PORT is ${port}, which this user may not listen on, expected one from 1024`,
  };
  const reason =
    reasons[error.code ?? ''] ??
    `HEALTH_HOST is ${host}, where nothing can listen (${error.code}), expected an address of this machine`;
  return new Failure('HealthUnavailable', reason, { cause: error });
}
