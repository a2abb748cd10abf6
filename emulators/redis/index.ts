import { z } from 'zod';
import { makeAbsence } from '../absence.ts';
import { makeFaults, runAction } from '../faults.ts';
import type { ClusterView } from './cluster-node.ts';
import { type Door, openDoor } from './door.ts';
import { makeFailedReads } from './failed-reads.ts';
import { RedisFaults, type RedisFaultsPatch } from './faults.ts';
import { startOurServer } from './our-server.ts';
import { findRedisServer, startRealServer } from './real-server.ts';
import { makeTrafficCounter, type Traffic } from './traffic.ts';
import type { Upstream, UpstreamOptions } from './upstream.ts';

export { findRedisServer } from './real-server.ts';

export type RedisOptions = {
  host?: string;
  port?: number;
  /** Opens a second port that speaks TLS. */
  tls?: { key: string; cert: string; port?: number };
  /** The default user's. Without it and `authorize`, everybody may do everything. */
  password?: string;
  /** Decides on a user name and a password beside the default user's: an object id and a token of Entra ID. */
  authorize?: (username: string, password: string) => boolean;
  latencyMs?: number;
  /** `auto`: redis-server where there is one on the PATH, else ours. */
  server?: 'auto' | 'real' | 'ours';
  /** Ours only: this is one of several masters (see cluster.ts). */
  cluster?: ClusterView;
};

export type RedisEmulator = {
  kind: Upstream['kind'];
  host: string;
  port: number;
  tlsPort?: number;
  url: string;
  counters(): Traffic;
  resetCounters(): void;
  faults(): RedisFaults;
  /** Throws at once for an unknown fault; the promise is settled when the change is in force. */
  setFaults(patch: RedisFaultsPatch): Promise<void>;
  /** `dropConnections` · `restart` {downMs, loseData} · `allowUser` {username, password} · `flush` */
  act(name: string, args?: Record<string, unknown>): Promise<unknown>;
  close(): Promise<void>;
};

const Restart = z.strictObject({
  downMs: z.number().nonnegative().default(0),
  /** Azure's maintenance fails over to a replica that has the data; a lost node without one does not. */
  loseData: z.boolean().default(false),
});
const User = z.strictObject({ username: z.string().min(1), password: z.string().min(1) });

/** Starts a Redis on loopback, real or ours, behind a door at which it can be made slow, silent or absent. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisEmulator> {
  const host = options.host ?? '127.0.0.1';
  const { authorize, password } = options;
  const upstream = await startUpstream(options.server ?? 'auto', {
    password,
    requiresUser: authorize !== undefined,
    cluster: options.cluster,
  });
  const traffic = makeTrafficCounter();
  const faults = makeFaults(RedisFaults, { latencyMs: options.latencyMs });
  const failedReads = makeFailedReads(faults.get);
  const shared = {
    host,
    traffic,
    failedReads,
    faults: faults.get,
    connect: upstream.connect,
    onCredentials:
      authorize &&
      ((username: string, secret: string) =>
        username === 'default' ? Promise.resolve() : decide(upstream, username, secret, authorize)),
  };
  const doors: Door[] = [];

  async function close(): Promise<void> {
    absence.end();
    await Promise.all(doors.map((door) => door.close()));
    await upstream.close();
  }
  async function listen(isWanted: boolean): Promise<void> {
    await Promise.all(doors.map((door) => door.setListening(isWanted)));
  }
  const drop = () => {
    for (const door of doors) door.dropConnections();
  };

  const absence = makeAbsence(
    async () => {
      await listen(false);
      drop();
    },
    () => listen(!faults.get().refuseConnections),
  );

  try {
    doors.push(await openDoor({ ...shared, port: options.port ?? 0 }));
    if (options.tls) doors.push(await openDoor({ ...shared, port: options.tls.port ?? 0, tls: options.tls }));
  } catch (error) {
    await close();
    throw error;
  }

  /** A server that is away has no connections either. */
  async function refuse(isWanted: boolean): Promise<void> {
    // It comes back from a restart in its own time, and then as the faults want it.
    if (isWanted || !absence.isAway()) await listen(!isWanted);
    if (isWanted) drop();
  }

  async function restart({ downMs, loseData }: z.output<typeof Restart>): Promise<void> {
    const back = absence.begin(downMs);
    if (loseData) await upstream.forgetData();
    await back;
  }

  const actions = {
    dropConnections: drop,
    restart: (args: unknown) => restart(Restart.parse(args)),
    allowUser(args: unknown) {
      const { username, password } = User.parse(args);
      return upstream.allowUser(username, password);
    },
    flush: () => upstream.forgetData(),
  };

  const port = doors[0]!.port;
  return {
    kind: upstream.kind,
    host,
    port,
    ...(doors[1] ? { tlsPort: doors[1].port } : {}),
    url: `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}${host}:${port}`,
    counters: traffic.read,
    resetCounters: traffic.reset,
    faults: faults.get,
    setFaults(patch) {
      faults.set(patch);
      if ('failEvery' in patch) failedReads.restart();
      for (const door of doors) door.thaw();
      return refuse(faults.get().refuseConnections);
    },
    act: (name, args) => Promise.resolve(runAction(actions, name, args)),
    close,
  };
}

async function startUpstream(
  wanted: NonNullable<RedisOptions['server']>,
  options: UpstreamOptions,
): Promise<Upstream> {
  const program = wanted === 'ours' ? undefined : findRedisServer();
  if (wanted === 'real' && program === undefined) throw new Error('there is no redis-server on the PATH');
  return program === undefined ? startOurServer(options) : startRealServer(program, options);
}

/** Neither server asks anybody about a token, so the answer is written into its list of users just before. */
async function decide(
  upstream: Upstream,
  username: string,
  secret: string,
  authorize: (username: string, password: string) => boolean,
): Promise<void> {
  if (authorize(username, secret)) await upstream.allowUser(username, secret);
  else await upstream.forgetUser(username, secret);
}
