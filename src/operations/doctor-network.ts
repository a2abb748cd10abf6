import { lookup } from 'node:dns/promises';
import { connect as connectPlain, isIP } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { DeadlineError, withDeadline } from '../azure/deadline.ts';
import { isStandIn } from '../azure/service-bus-administration.ts';
import type { Config } from '../config.ts';
import { isLoopback } from '../loopback.ts';
import { type Check, type Finding, failure, ok, warning } from './doctor-check.ts';
import { describeError } from './errors.ts';

/** Where a service is to be found, and which variable says so. */
export type Target = {
  service: string;
  host: string;
  port: number;
  tls: boolean;
  variable: string;
};

/** The way to a service: its checks, and whether it takes connections at all. */
export type Way = { target: Target; checks: Check[]; isReached(): Promise<boolean> };

const TIMED_OUT = 'ETIMEDOUT';
/** Of the connection, with its name and its handshake: so that others can tell within their own deadline what it is. */
const CONNECT_MS = 8_500;
const SOON_MS = 14 * 86_400_000;

/** Where the configuration says that each service is. */
export function targetsOf(config: Config) {
  const { namespace, connectionString } = config.serviceBus;
  const isPlain = isStandIn(connectionString);
  const endpoint = /Endpoint=sb:\/\/([^;/]+)/i.exec(connectionString ?? '')?.[1] ?? namespace!;
  const bus = new URL(`amqp://${endpoint}`);
  const ofUrl = (url: string) => {
    const { protocol, hostname, port } = new URL(url);
    const tls = protocol === 'https:';
    return { host: bare(hostname), port: Number(port) || (tls ? 443 : 80), tls };
  };
  return {
    serviceBus: {
      service: 'Service Bus',
      host: bare(bus.hostname),
      port: Number(bus.port) || (isPlain ? 5672 : 5671),
      tls: !isPlain,
      variable:
        connectionString === undefined
          ? 'SERVICEBUS_FULLY_QUALIFIED_NAMESPACE'
          : 'SERVICEBUS_CONNECTION_STRING',
    },
    redis: {
      service: 'Redis',
      host: bare(config.redis.host),
      port: config.redis.port,
      tls: config.redis.tls,
      variable: 'REDIS_HOST',
    },
    cosmos: { service: 'Cosmos DB', ...ofUrl(config.cosmos.endpoint), variable: 'COSMOS_ENDPOINT' },
    titles: { service: 'Title model', ...ofUrl(config.titles.endpoint), variable: 'AZURE_AI_CHAT_ENDPOINT' },
  } satisfies Record<string, Target>;
}

const bare = (host: string): string => host.replace(/^\[|\]$/g, '');

/** Its checks: whether its name is known, and whether it answers, with a certificate that is good. Each looks once. */
export function wayTo(target: Target): Way {
  let connecting: Promise<Finding> | undefined;
  const connection = (): Promise<Finding> => {
    connecting ??= connect(target);
    return connecting;
  };
  return {
    target,
    checks: [
      { service: target.service, name: 'name', look: () => lookUp(target) },
      { service: target.service, name: 'connection', look: connection },
    ],
    isReached: async () => (await connection()).status !== 'failure',
  };
}

async function lookUp({ host, variable }: Target): Promise<Finding> {
  if (isIP(host)) return ok(`${host} is an address`);
  try {
    const addresses = (await lookup(host, { all: true })).map(({ address }) => address);
    return ok(`${host} is ${[...new Set(addresses)].join(', ')}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return failure(
      `${host} cannot be resolved (${code})`,
      code === 'ENOTFOUND'
        ? `mend ${variable}; behind a private endpoint, link its private DNS zone to this network`
        : 'look at the DNS servers of this machine',
    );
  }
}

const unanswered: Record<string, string> = {
  ECONNREFUSED: 'refuses: nothing listens there',
  [TIMED_OUT]: 'does not answer',
  ECONNRESET: 'cuts the connection',
};

async function connect(target: Target): Promise<Finding> {
  const { host, port, tls } = target;
  try {
    return await withDeadline(CONNECT_MS, target.service, () => (tls ? shakeHands(target) : open(target)));
  } catch (error) {
    const code = error instanceof DeadlineError ? TIMED_OUT : ((error as NodeJS.ErrnoException).code ?? '');
    const why = unanswered[code];
    return failure(
      why === undefined ? `${host}:${port}: ${describeError(error)}` : `${host}:${port} ${why} (${code})`,
      mendOf({ code, message: (error as Error).message }, target),
    );
  }
}

function open({ host, port, variable }: Target): Promise<Finding> {
  return new Promise((resolve, reject) => {
    const socket = connectPlain({ host, port, timeout: 8_000 });
    settle(socket, reject, `${host}:${port}`);
    socket.once('connect', () => {
      socket.destroy();
      const found = `${host}:${port} answers, and is not encrypted`;
      resolve(
        isLoopback(host)
          ? ok(`${found}: on this machine only`)
          : warning(found, variable === 'REDIS_HOST' ? 'REDIS_SSL=true' : `${variable} with TLS`),
      );
    });
  });
}

function shakeHands({ host, port }: Target): Promise<Finding> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host, port, timeout: 8_000, ...(isIP(host) ? {} : { servername: host }) });
    settle(socket, reject, `${host}:${port}`);
    socket.once('secureConnect', () => {
      const finding = describeTls(socket, `${host}:${port}`);
      socket.destroy();
      resolve(finding);
    });
  });
}

function settle(socket: ReturnType<typeof connectPlain>, reject: (error: Error) => void, at: string): void {
  socket.once('error', reject);
  socket.once('timeout', () => {
    socket.destroy();
    reject(Object.assign(new Error(`${at} does not answer`), { code: TIMED_OUT }));
  });
}

function describeTls(socket: TLSSocket, at: string): Finding {
  const { valid_to: until } = socket.getPeerCertificate();
  const leftMs = Date.parse(until) - Date.now();
  const found = `${at} by ${socket.getProtocol()}, its certificate good for ${Math.floor(leftMs / 86_400_000)} days`;
  return leftMs < SOON_MS ? warning(found, 'renew the certificate of the service') : ok(found);
}

/** A proxy that looks into the traffic, a private authority, or a name that is not the service's. */
const UNTRUSTED = /SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|CERT_UNTRUSTED/;

function mendOf(
  { code, message }: { code: string; message: string },
  { host, port, variable, tls }: Target,
): string {
  if (UNTRUSTED.test(code))
    return 'NODE_EXTRA_CA_CERTS=FILE, with the certificate of the authority, if this network has one of its own';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `${variable}: the certificate is for another name`;
  if (code === 'CERT_HAS_EXPIRED')
    return 'renew the certificate of the service; or set the clock of this machine';
  if (code === 'CERT_NOT_YET_VALID') return 'set the clock of this machine';
  if (/ENOTFOUND|EAI_AGAIN/.test(code)) return 'see its line "name"';
  if (tls && /SSL|EPROTO|wrong version|disconnected before secure/i.test(`${code} ${message}`))
    return variable === 'REDIS_HOST'
      ? `REDIS_SSL or REDIS_PORT: what answers on port ${port} does not speak TLS`
      : `${variable}: what answers on port ${port} does not speak TLS`;
  const of = variable === 'REDIS_HOST' ? 'REDIS_HOST or REDIS_PORT' : variable;
  const open = `let TCP to ${host}:${port} through the firewall`;
  // What refuses is there; what is silent may be kept from this network altogether.
  return code === TIMED_OUT
    ? `${of}, or ${open}; where its public access is off, give it a private endpoint, and this network its private DNS zone`
    : `${of}, or ${open}`;
}
