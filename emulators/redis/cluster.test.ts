import { createClient, createCluster } from '@redis/client';
import { expect, onTestFinished, test } from 'vitest';
import { startRedisCluster } from './cluster.ts';
import { slotOf } from './cluster-node.ts';

async function setUp(masters = 3) {
  const { nodes, close } = await startRedisCluster(masters, { password: 'secret' });
  onTestFinished(close);
  const root = { url: nodes[0]!.url };
  const cluster = createCluster({ rootNodes: [root], defaults: { password: 'secret' } });
  cluster.on('error', () => undefined);
  await cluster.connect();
  onTestFinished(() => cluster.destroy());
  return { nodes, cluster };
}

// What redis-server 7.0.15 answers to CLUSTER KEYSLOT.
test.each([
  ['session:a', 15_913],
  ['{a}x', 15_495],
  ['foo', 12_182],
  ['', 0],
  ['foo{}{bar}', 8_363],
  ['foo{{bar}}zap', 4_015],
])('the slot of %j is %i', (key, slot) => {
  expect(slotOf(Buffer.from(key))).toBe(slot);
});

test('a client finds the master of each key, and each master has its own keys only', async () => {
  const { nodes, cluster } = await setUp();
  const names = Array.from({ length: 90 }, (_, index) => `session:${index}`);
  for (const name of names) await cluster.set(name, name);
  for (const name of names) expect(await cluster.get(name)).toBe(name);
  const found: string[] = [];
  for (const master of cluster.masters) {
    expect(nodes.map(({ id }) => id)).toContain(master.id);
    const client = await cluster.nodeClient(master);
    expect(await client.dbSize()).toBeGreaterThan(10);
    for await (const keys of client.scanIterator({ MATCH: 'session:*', COUNT: 7 })) found.push(...keys);
  }
  expect(found.sort()).toEqual(names.sort());
});

test('a node sends a client away with the words of redis-server', async () => {
  const { nodes } = await setUp();
  const [first, , third] = nodes;
  const client = createClient({ url: first!.url });
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(() => client.destroy());
  await expect(client.get('session:a')).rejects.toThrow(`MOVED 15913 127.0.0.1:${third!.port}`);
  await expect(client.mGet(['session:b', 'foo'])).rejects.toThrow(
    "CROSSSLOT Keys in request don't hash to the same slot",
  );
  expect(await client.info('cluster')).toContain('cluster_enabled:1');
  expect(await client.clusterInfo()).toContain('cluster_state:ok');
  expect(await client.clusterMyId()).toBe(first!.id);
  await expect(client.sendCommand(['CLUSTER', 'NODES'])).rejects.toThrow("unknown subcommand 'NODES'");
});
