import { randomBytes, randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFaults, runAction } from '../faults.ts';
import { listenHttp } from '../http-listener.ts';
import { EntraFaults, type EntraFaultsPatch } from './faults.ts';
import { readToken, signToken } from './token.ts';

export type EntraOptions = {
  host?: string;
  port?: number;
  /** How long a token is good for; 24 hours, as managed identities' are, unless told. */
  lifetimeSeconds?: number;
  /** Set: only this user-assigned identity exists, and a request for another is refused. */
  clientId?: string;
  objectId?: string;
};

export type TokenListener = (resource: string, token: string, objectId: string) => void;

export type EntraEmulator = {
  /** What a process needs in its environment for `DefaultAzureCredential` to find this endpoint. */
  environment: { IDENTITY_ENDPOINT: string; IDENTITY_HEADER: string };
  objectId: string;
  clientId: string;
  /** A token as the endpoint would hand it out. */
  issue(resource: string): string;
  /** Whether the token is one of ours, not expired, and, if asked, meant for this audience. */
  verify(token: string, audience?: string): boolean;
  counters(): { tokens: Record<string, number>; refused: number };
  resetCounters(): void;
  faults(): EntraFaults;
  setFaults(patch: EntraFaultsPatch): void;
  /** There are none. */
  act(name: string, args?: Record<string, unknown>): unknown;
  /** Called with every token before it is handed out: a server that keeps a list of users can learn it in time. */
  onToken(listener: TokenListener): void;
  close(): Promise<void>;
};

/**
 * The managed identity endpoint of App Service, over plain HTTP as there.
 * Source: learn.microsoft.com/azure/app-service/overview-managed-identity, "REST endpoint reference".
 */
export async function startEntra(options: EntraOptions = {}): Promise<EntraEmulator> {
  const host = options.host ?? '127.0.0.1';
  const lifetimeSeconds = options.lifetimeSeconds ?? 24 * 3600;
  const objectId = options.objectId ?? randomUUID();
  const clientId = options.clientId ?? randomUUID();
  const secret = randomBytes(32);
  const header = randomBytes(16).toString('hex');
  const faults = makeFaults(EntraFaults, {});
  const events = new EventEmitter();
  // Every frozen request waits on it.
  events.setMaxListeners(0);
  const listeners: TokenListener[] = [];
  let tokens: Record<string, number> = {};
  let refused = 0;

  function makeToken(resource: string, appid: string): { token: string; exp: number } {
    const iat = Math.floor(Date.now() / 1000);
    const exp = iat + (faults.get().tokenLifetimeSeconds ?? lifetimeSeconds);
    const token = signToken(secret, { aud: resource, oid: objectId, appid, iat, exp });
    tokens[resource] = (tokens[resource] ?? 0) + 1;
    for (const listener of listeners) listener(resource, token, objectId);
    return { token, exp };
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { latencyMs } = faults.get();
    if (latencyMs > 0) await sleep(latencyMs);
    while (faults.get().freeze) await once(events, 'change');
    const query = new URL(request.url ?? '/', 'http://localhost').searchParams;
    const resource = query.get('resource');
    const wanted = query.get('client_id') ?? clientId;
    const isUnknown = options.clientId !== undefined && wanted !== clientId;
    const refuse = (status: number, message: string): void => {
      refused += 1;
      answer(response, status, { statusCode: status, message });
    };
    if (request.headers['x-identity-header'] !== header)
      return refuse(403, 'the X-IDENTITY-HEADER is missing or wrong');
    if (query.get('api-version') !== '2019-08-01') return refuse(400, 'api-version 2019-08-01 is expected');
    if (!resource) return refuse(400, 'resource is missing');
    if (isUnknown || faults.get().refuse)
      return refuse(400, 'No User Assigned or Delegated Managed Identity found for specified ClientId');
    const { token, exp } = makeToken(resource, wanted);
    answer(response, 200, {
      access_token: token,
      expires_on: String(exp),
      resource,
      token_type: 'Bearer',
      client_id: wanted,
    });
  }

  const listener = await listenHttp({
    host,
    port: options.port ?? 0,
    tls: undefined,
    refuse: () => false,
    handler(request, response) {
      handle(request, response).catch((error: unknown) => response.destroy(error as Error));
    },
  });

  return {
    environment: { IDENTITY_ENDPOINT: `http://${host}:${listener.port}/msi/token`, IDENTITY_HEADER: header },
    objectId,
    clientId,
    issue: (resource) => makeToken(resource, clientId).token,
    verify(token, audience) {
      const claims = readToken(secret, token);
      return claims !== undefined && (audience === undefined || isSame(claims.aud, audience));
    },
    counters: () => ({ tokens: { ...tokens }, refused }),
    resetCounters() {
      tokens = {};
      refused = 0;
    },
    faults: faults.get,
    setFaults(patch) {
      faults.set(patch);
      events.emit('change');
    },
    act: (name, args) => runAction({}, name, args),
    onToken(listener) {
      listeners.push(listener);
    },
    async close() {
      faults.set({ freeze: false });
      events.emit('change');
      await listener.close();
    },
  };
}

/** Clients write an audience with a slash at its end or without. */
function isSame(audience: string, wanted: string): boolean {
  return audience.replace(/\/+$/, '') === wanted.replace(/\/+$/, '');
}

function answer(response: ServerResponse, status: number, body: object): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
