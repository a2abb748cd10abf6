import type { TokenCredential } from '@azure/identity';
import { ErrorReply, RESP_TYPES } from '@redis/client';
import type { Config } from '../config.ts';
import type { Log } from '../pipeline/ports.ts';
import { withDeadline } from './deadline.ts';
import { cacheFailure, connectRedis, READ_DEADLINE_MS } from './redis.ts';

/** A node that has keys of its own. */
export type ScanNode = {
  /** Stays the same while the node lives. */
  id: string;
  /** Host and port, for people. */
  name: string;
};

export type ScanPage = {
  /** Where to go on: '0' when the node has been gone through. Means nothing to any other node or process. */
  cursor: string;
  /** What stands behind `session:`, in bytes. A key may come several times. */
  sessionIds: Buffer[];
};

export type SessionScan = {
  /** The single node, or the masters of the cluster as they are known now. */
  nodes(): ScanNode[];
  /** Names the process behind a node, if it may be asked: cursors are worth nothing to the next one. @throws Failure */
  runId(node: ScanNode): Promise<string | undefined>;
  /** How many keys a node has, of whatever kind. @throws Failure */
  size(node: ScanNode): Promise<number>;
  /** One step. @throws Failure CacheUnavailable */
  page(node: ScanNode, cursor: string): Promise<ScanPage>;
  close(): void;
};

const PREFIX = 'session:';
/** Buckets of the hash table that Redis looks at in one step: a fraction of a millisecond in which it serves nobody else. */
const STEP = 200;

/**
 * Opens a connection of its own to walk over all sessions that Redis holds: by SCAN, which blocks nobody. What is there from the
 * beginning to the end is found for certain. @throws Failure CacheUnavailable
 */
export async function openSessionScan(
  config: Config,
  credential: TokenCredential,
  log: Log,
): Promise<SessionScan> {
  const { single, cluster } = await connectRedis(config, credential, log);
  const address = `${config.redis.host}:${config.redis.port}`;
  const clientOf = async ({ id }: ScanNode) => {
    if (single) return single;
    const master = cluster.masters.find((each) => each.id === id);
    if (!master) throw new Error('the node is no master of the cluster any more');
    return cluster.nodeClient(master);
  };
  type Client = Awaited<ReturnType<typeof clientOf>>;

  async function ask<T>(node: ScanNode, command: (client: Client) => Promise<T>): Promise<T> {
    try {
      return await withDeadline(READ_DEADLINE_MS, `Redis at ${node.name}`, async () =>
        command(await clientOf(node)),
      );
    } catch (error) {
      throw cacheFailure(error);
    }
  }

  return {
    nodes: () =>
      single
        ? [{ id: address, name: address }]
        : cluster.masters.map(({ id, host, port }) => ({ id, name: `${host}:${port}` })),
    async runId(node) {
      // The access policies of Azure deny it: then it cannot be told.
      const info = await ask(node, (client) => client.info('server').catch(refused));
      return info === undefined ? undefined : /^run_id:(\w+)/m.exec(info)?.[1];
    },
    size: (node) => ask(node, (client) => client.dbSize()),
    async page(node, from) {
      const { cursor, keys } = await ask(node, (client) =>
        client
          .withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
          .scan(from, { MATCH: `${PREFIX}*`, COUNT: STEP }),
      );
      return { cursor: cursor.toString(), sessionIds: keys.map((key) => key.subarray(PREFIX.length)) };
    },
    close: () => (single ?? cluster).destroy(),
  };
}

function refused(error: unknown): undefined {
  if (!(error instanceof ErrorReply)) throw error;
}
