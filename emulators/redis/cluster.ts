import { randomBytes } from 'node:crypto';
import { type ClusterNode, SLOTS } from './cluster-node.ts';
import { type RedisEmulator, type RedisOptions, startRedis } from './index.ts';

export type RedisCluster = {
  nodes: readonly (RedisEmulator & { id: string })[];
  close(): Promise<void>;
};

/**
 * Starts masters that share the slots evenly, without replicas. Each can be made slow, silent or absent by itself. Always ours: the
 * slots of redis-server are dealt out over a port and a protocol of its own.
 */
export async function startRedisCluster(
  masters: number,
  options: Omit<RedisOptions, 'server' | 'port' | 'cluster'> = {},
): Promise<RedisCluster> {
  const host = options.host ?? '127.0.0.1';
  const shares: ClusterNode[] = Array.from({ length: masters }, (_, index) => ({
    id: randomBytes(20).toString('hex'),
    address: { host, port: 0 },
    first: Math.ceil((index * SLOTS) / masters),
    last: Math.ceil(((index + 1) * SLOTS) / masters) - 1,
  }));
  const nodes: (RedisEmulator & { id: string })[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.close()));
  };
  try {
    for (const self of shares) {
      const node = await startRedis({ ...options, server: 'ours', cluster: { self, all: shares } });
      self.address.port = options.tls ? node.tlsPort! : node.port;
      nodes.push(Object.assign(node, { id: self.id }));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { nodes, close };
}
