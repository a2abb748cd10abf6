import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createCluster } from '@redis/client';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startRedisCluster } from '../emulators/redis/cluster.ts';
import { startRedis } from '../emulators/redis/index.ts';
import { resultOf, runCommand, startCommand } from './command.ts';
import { runHere } from './command-here.ts';
import { conversation, setTheScene, timeOf, turn } from './setting.ts';

type Talk = ReturnType<typeof conversation>;

const talks = (count: number, fields = {}): Talk[] =>
  Array.from({ length: count }, () => conversation(2, fields));

async function withTalks(count: number, options: Parameters<typeof setTheScene>[0] = {}) {
  const scene = await setTheScene(options);
  const all = talks(count, { title: 'Named' });
  for (const { snapshot } of all) await scene.show(snapshot);
  const { environment } = scene.stack;
  return {
    ...scene,
    all,
    environment,
    reconcile: (...args: string[]) =>
      runHere(environment, ['reconcile', '--json', '--rate', '1000', ...args]),
    stored: () => all.filter(({ userId, sessionId }) => scene.item(userId, sessionId)).length,
  };
}

function stateFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'reconcile-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, 'state.json');
}

describe('a walk over Redis', () => {
  test('persists what history misses, with titles, and finds it whole the next time', async () => {
    const { all, show, reconcile, item, stack } = await withTalks(30);
    const untitled = conversation(3);
    await show(untitled.snapshot);
    // One of which history has an older state, and one of which it has more than Redis.
    const [older, longer] = all;
    stack.cosmos.put({
      ...older!.snapshot,
      id: older!.sessionId,
      title: 'Renamed',
      lastActivity: timeOf(0),
      messages: older!.snapshot.messages.slice(0, 2),
      persistedAt: timeOf(0),
    });
    const earlier = turn('earlier', -1);
    stack.cosmos.put({
      ...longer!.snapshot,
      id: longer!.sessionId,
      messages: [...earlier, ...longer!.snapshot.messages],
      persistedAt: timeOf(0),
    });
    const first = await reconcile();
    expect(first).toMatchObject({ code: 0 });
    expect(resultOf(first)).toMatchObject({
      scanned: 31,
      whole: 1,
      persisted: 30,
      titled: 1,
      untitled: 0,
      refused: {},
      interrupted: false,
    });
    for (const { snapshot, userId, sessionId } of all.slice(2))
      expect(item(userId, sessionId)).toMatchObject({ messages: snapshot.messages, title: 'Named' });
    expect(item(older!.userId, older!.sessionId)).toMatchObject({
      messages: older!.snapshot.messages,
      title: 'Renamed',
    });
    expect(item(longer!.userId, longer!.sessionId)?.messages).toHaveLength(6);
    expect(item(untitled.userId, untitled.sessionId)?.title).toMatch(/^Explain topic/);
    stack.cosmos.resetCounters();
    const second = await reconcile();
    expect(resultOf(second)).toMatchObject({ scanned: 31, whole: 31, persisted: 0 });
    expect(second.stderr).toMatch(/31 conversations in Redis.*\n +31 {2}whole already\n$/);
  });

  test('reports each that cannot be persisted by its id and code, and never stops for it', async () => {
    const { all, redis, show, reconcile, item, stack } = await withTalks(5);
    await redis.set('session:broken', '{"not": "a conversation"');
    await redis.set(
      'session:nobody',
      JSON.stringify({ ...talks(1)[0]!.snapshot, sessionId: 'nobody', userId: '' }),
    );
    await redis.set('session:other', JSON.stringify(talks(1)[0]!.snapshot));
    await redis.set('session:a/b', JSON.stringify({ ...talks(1)[0]!.snapshot, sessionId: 'a/b' }));
    await redis.set('session:', '{}');
    await redis.set('session:\u001b[2Jwipe\u202e', 'x');
    await redis.lPush('session:list', 'x');
    await redis.sendCommand(['SET', Buffer.from('session:\xff', 'latin1'), 'x'] as never);
    await redis.set('other:key', 'not ours');
    const huge = conversation(1, { title: 'Named' });
    huge.snapshot.messages[1]!.content = 'x'.repeat(2_100_000);
    await show(huge.snapshot);
    const foreign = conversation(1);
    await show(foreign.snapshot);
    stack.cosmos.put({ id: foreign.sessionId, userId: foreign.userId, kind: 'of somebody else' });
    const full = conversation(1, { userId: 'full' });
    await show(full.snapshot);
    stack.cosmos.setFaults({ partitionFull: ['full'] });
    const done = await reconcile();
    expect(done.code).toBe(2);
    expect(resultOf(done)).toMatchObject({
      scanned: 16,
      persisted: 5,
      refused: {
        InvalidConversation: 7,
        IdentityMismatch: 1,
        MessageTooLarge: 1,
        ForeignItem: 1,
        PartitionFull: 1,
      },
      refusedSessions: { ForeignItem: [foreign.sessionId], IdentityMismatch: ['other'] },
    });
    for (const { userId, sessionId } of all) expect(item(userId, sessionId)).toBeDefined();
    expect(item(huge.userId, huge.sessionId)?.messages).toMatchObject([
      { role: 'user' },
      { role: 'assistant', omittedBytes: expect.any(Number) },
    ]);
    expect(done.stderr).toContain('refused broken: InvalidConversation');
    expect(done.stderr).toContain('refused \\u001b[2Jwipe\\u202e: InvalidConversation');
    expect(done.stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(done.stderr).not.toContain('xxxx');
    expect(stack.cosmos.items()).toHaveLength(7);
  });

  test('leaves alone what was erased', async () => {
    const { all, reconcile, item, stack } = await withTalks(3);
    const { sessionId, userId } = all[0]!;
    const tombstone = { id: sessionId, sessionId, userId, deletedAt: timeOf(1), messages: [] };
    stack.cosmos.put(tombstone);
    const done = await reconcile();
    expect(resultOf(done)).toMatchObject({ scanned: 3, persisted: 2, erased: 1 });
    expect(done.code).toBe(0);
    expect(item(userId, sessionId)).toMatchObject(tombstone);
  });

  test('--dry-run counts what it would persist, and writes nothing and asks for no title', async () => {
    const { all, show, reconcile, stack } = await withTalks(4);
    await show(conversation(1).snapshot);
    stack.cosmos.put({ ...all[0]!.snapshot, id: all[0]!.sessionId, persistedAt: timeOf(1) });
    const done = await reconcile('--dry-run');
    expect(done.code).toBe(0);
    expect(resultOf(done)).toMatchObject({ dryRun: true, scanned: 5, whole: 1, persisted: 4, titled: 0 });
    expect(stack.cosmos.items()).toHaveLength(1);
    expect(stack.chat.counters().requests).toBe(0);
  });

  test('keeps to its rate, with the client that the worker has beside it', async () => {
    const { environment, work, stored } = await withTalks(30);
    await work();
    const startedMs = performance.now();
    const done = await runHere(environment, ['reconcile', '--json', '--rate', '20']);
    expect(resultOf(done)).toMatchObject({ scanned: 30 });
    // Between 30 lie 29 pauses, one of which may be made up for.
    expect(performance.now() - startedMs).toBeGreaterThan((28 / 20) * 1_000);
    expect(stored()).toBe(30);
  });
});

describe('a cluster', () => {
  async function withCluster(count: number) {
    const scene = await withTalks(0);
    const { nodes, close } = await startRedisCluster(3, { password: 'secret' });
    onTestFinished(close);
    const client = createCluster({
      rootNodes: [{ url: nodes[0]!.url }],
      defaults: { password: 'secret' },
    });
    client.on('error', () => undefined);
    await client.connect();
    onTestFinished(() => client.destroy());
    const all = talks(count, { title: 'Named' });
    for (const { snapshot } of all)
      await client.set(`session:${snapshot.sessionId}`, JSON.stringify(snapshot));
    const environment = {
      ...scene.environment,
      REDIS_PORT: String(nodes[0]!.port),
      REDIS_PASSWORD: 'secret',
    };
    return { ...scene, nodes, all, environment };
  }

  test('is walked over at every master', async () => {
    const { all, item, nodes, environment } = await withCluster(60);
    const done = await runHere(environment, ['reconcile', '--json', '--rate', '1000']);
    expect(resultOf(done)).toMatchObject({ scanned: 60, persisted: 60 });
    expect(done.stderr).toContain('60 conversations in 3 masters of Redis');
    for (const { userId, sessionId } of all) expect(item(userId, sessionId)).toBeDefined();
    for (const node of nodes) expect(node.counters().commands.SCAN).toBeGreaterThan(0);
  });

  test('of which a master is away for a while is walked over all the same', async () => {
    const { all, item, nodes, environment } = await withCluster(60);
    const command = startCommand(environment, ['reconcile', '--json', '--rate', '30']);
    const readOf = (index: number) => nodes[index]!.counters().commands.GETRANGE ?? 0;
    // In the middle of a page of that node, and for longer than a key is tried that fails alone.
    await expect.poll(() => [0, 1, 2].find((index) => readOf(index) > 3)).toBeDefined();
    const reading = [0, 1, 2].find((index) => readOf(index) > 3)!;
    await nodes[reading]!.act('restart', { downMs: 6_000 });
    const done = await command.ended;
    expect(done.stderr).toContain('waiting for it to pass');
    expect(resultOf(done)).toMatchObject({ persisted: 60, refused: {} });
    expect(done.code).toBe(0);
    for (const { userId, sessionId } of all) expect(item(userId, sessionId)).toBeDefined();
  });
});

describe('an outage', () => {
  test('of Cosmos DB is waited for, and so is one of Redis', async () => {
    const { environment, stored, stack } = await withTalks(60);
    const command = startCommand(environment, ['reconcile', '--json', '--rate', '60']);
    await expect.poll(stored).toBeGreaterThan(3);
    stack.cosmos.setFaults({ refuseConnections: true });
    await expect.poll(command.stderr).toContain('StoreUnavailable');
    const during = stored();
    expect(during).toBeLessThan(60);
    stack.cosmos.setFaults({ refuseConnections: false });
    await expect.poll(stored).toBeGreaterThan(during);
    await stack.redis.act('restart', { downMs: 2_000 });
    const done = await command.ended;
    expect(resultOf(done)).toMatchObject({ scanned: 60, persisted: 60, refused: {} });
    expect(done.code).toBe(0);
    expect(stored()).toBe(60);
  });

  test('a key that fails alone is refused after a while, and the others go on', async () => {
    const { all, reconcile, stack, stored } = await withTalks(10);
    await stack.redis.setFaults({ failKeys: [`session:${all[4]!.sessionId}`] });
    const done = await reconcile();
    expect(done.code).toBe(2);
    expect(resultOf(done)).toMatchObject({
      persisted: 9,
      refused: { CacheUnavailable: 1 },
      refusedSessions: { CacheUnavailable: [all[4]!.sessionId] },
    });
    expect(stored()).toBe(9);
  });

  test('throttling slows it down and refuses nothing', async () => {
    const { reconcile, stack, stored } = await withTalks(40);
    stack.cosmos.setFaults({ requestUnitsPerSecond: 120 });
    const done = await reconcile();
    expect(resultOf(done)).toMatchObject({ persisted: 40, refused: {} });
    expect(stored()).toBe(40);
    expect(stack.cosmos.counters().writesRefused.throttled429).toBeGreaterThan(0);
  });

  test('access that is denied ends it at once, with a report of what was done', async () => {
    const { reconcile, stack, stored } = await withTalks(10);
    stack.cosmos.setFaults({ status: { code: 403, operations: ['create'] } });
    const done = await reconcile();
    expect(done.code).toBe(1);
    expect(done.stderr).toContain('StoreMisconfigured');
    expect(resultOf(done)).toMatchObject({ persisted: 0, interrupted: true });
    expect(stored()).toBe(0);
  });

  test('services that are away at the start, or refuse the key, are named, exit code 1; a faulty configuration is 78', async () => {
    const { environment, reconcile, stack } = await withTalks(1);
    await stack.redis.setFaults({ refuseConnections: true });
    const away = await reconcile();
    expect(away.code).toBe(1);
    expect(away.stderr).toMatch(/CacheUnavailable: .*ECONNREFUSED/);
    await stack.redis.setFaults({ refuseConnections: false });
    const wrong = await runHere({ ...environment, REDIS_PASSWORD: 'wrong' }, ['reconcile']);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(/CacheUnavailable: .*WRONGPASS/);
    expect((await runHere({ ...environment, REDIS_PORT: 'x' }, ['reconcile'])).code).toBe(78);
  });
});

test('two at once that keep one state come to their ends, and write nowhere where another one may', async () => {
  const { environment, stored } = await withTalks(700);
  const state = stateFile();
  mkdirSync(`${state}.part`);
  const walk = () => runCommand(environment, ['reconcile', '--rate', '10000', '--state', state]);
  const ended = await Promise.all([walk(), walk()]);
  expect(ended.map(({ code }) => code)).toEqual([0, 0]);
  expect(stored()).toBe(700);
  expect(JSON.parse(readFileSync(state, 'utf8'))).toMatchObject({ tally: { scanned: 700 } });
  expect(readdirSync(dirname(state)).sort()).toEqual(['state.json', 'state.json.part']);
});

describe('an interrupted walk', () => {
  test('reports, and goes on where it was; one that is finished begins anew', async () => {
    // Several pages.
    const { environment, reconcile, stored, stack } = await withTalks(700);
    const state = stateFile();
    const command = startCommand(environment, ['reconcile', '--json', '--rate', '400', '--state', state]);
    await expect.poll(stored).toBeGreaterThan(250);
    command.kill('SIGINT');
    const interrupted = await command.ended;
    expect(interrupted.code).toBe(3);
    expect(interrupted.stderr).toContain(`--state ${state}`);
    const first = resultOf(interrupted) as { scanned: number; interrupted: boolean };
    expect(first.interrupted).toBe(true);
    expect(first.scanned).toBe(stored());
    const kept = JSON.parse(readFileSync(state, 'utf8')) as { tally: { scanned: number } };
    expect(kept.tally.scanned).toBeGreaterThanOrEqual(200);

    stack.redis.resetCounters();
    const done = await reconcile('--state', state);
    expect(done.code).toBe(0);
    expect(done.stderr).toContain(`Going on with the walk`);
    expect(resultOf(done)).toMatchObject({ scanned: 700, interrupted: false });
    expect(stack.redis.counters().commands.GETRANGE).toBe(700 - kept.tally.scanned);
    expect(stored()).toBe(700);

    stack.redis.resetCounters();
    const anew = await reconcile('--state', state);
    expect(resultOf(anew)).toMatchObject({ scanned: 700, whole: 700 });
    expect(stack.redis.counters().commands.GETRANGE).toBe(700);
  });

  test('killed, goes on as well', async () => {
    const { environment, reconcile, stored } = await withTalks(700);
    const state = stateFile();
    const command = startCommand(environment, ['reconcile', '--rate', '400', '--state', state]);
    await expect.poll(stored).toBeGreaterThan(250);
    command.kill('SIGKILL');
    await command.ended;
    const done = await reconcile('--state', state);
    expect(resultOf(done)).toMatchObject({ scanned: 700, refused: {} });
    expect(stored()).toBe(700);
  });

  test('of another process of Redis begins anew: its cursors mean nothing', async () => {
    const { environment, stack, item } = await withTalks(0);
    const all = talks(500, { title: 'Named' });
    const fill = async (port?: number) => {
      const redis = await startRedis({ server: 'ours', password: 'secret', ...(port ? { port } : {}) });
      const { createClient } = await import('@redis/client');
      const client = createClient({ url: redis.url });
      await client.connect();
      // In another order: what the first one had last is what the second one has first.
      for (const { snapshot } of port ? all.toReversed() : all)
        await client.set(`session:${snapshot.sessionId}`, JSON.stringify(snapshot));
      client.destroy();
      return redis;
    };
    const first = await fill();
    const state = stateFile();
    const own = { ...environment, REDIS_PORT: String(first.port), REDIS_PASSWORD: 'secret' };
    const stored = () => stack.cosmos.items().length;
    const command = startCommand(own, ['reconcile', '--rate', '300', '--state', state]);
    await expect.poll(stored).toBeGreaterThan(230);
    command.kill('SIGTERM');
    expect((await command.ended).code).toBe(3);
    await first.close();
    const second = await fill(first.port);
    onTestFinished(() => second.close());
    const done = await runHere(own, ['reconcile', '--json', '--rate', '1000', '--state', state]);
    expect(done.code).toBe(0);
    for (const { userId, sessionId } of all) expect(item(userId, sessionId)).toBeDefined();
  });

  test('a state that cannot be written any more ends it, with a report of what was done', async () => {
    const { environment } = await withTalks(600);
    const state = stateFile();
    const command = startCommand(environment, ['reconcile', '--json', '--rate', '300', '--state', state]);
    await expect.poll(() => existsSync(state)).toBe(true);
    rmSync(state);
    mkdirSync(state);
    const ended = await command.ended;
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(`${state} cannot be written`);
    expect(ended.stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(resultOf(ended)).toMatchObject({ error: { code: 'InvalidState' } });
    expect(resultOf(ended).scanned).toBeGreaterThan(0);
  });

  test('a state that is none of ours, of another Redis, or cannot be written is left alone', async () => {
    const { environment, reconcile, stored } = await withTalks(2);
    const state = stateFile();
    for (const content of ['{}', 'not json', JSON.stringify({ format: 'history-worker reconcile, 1' })]) {
      writeFileSync(state, content);
      const refused = await reconcile('--state', state);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain('is no state of a reconcile');
      expect(readFileSync(state, 'utf8')).toBe(content);
    }
    rmSync(state);
    expect((await reconcile('--state', state)).code).toBe(0);
    const saved = JSON.parse(readFileSync(state, 'utf8')) as { finishedAt?: string };
    delete saved.finishedAt;
    writeFileSync(state, JSON.stringify({ ...saved, redis: 'elsewhere:1' }));
    const other = await reconcile('--state', state);
    expect(other.code).toBe(1);
    expect(other.stderr).toContain('elsewhere:1');
    const nowhere = await reconcile('--state', join(state, 'nowhere'));
    expect(nowhere.code).toBe(1);
    const both = await runHere(environment, ['reconcile', '--dry-run', '--state', `${state}2`]);
    expect(both.code).toBe(1);
    expect(existsSync(`${state}2`)).toBe(false);
    expect(stored()).toBe(2);
  });
});

test('--watch begins anew after each end, and a signal ends it in peace', async () => {
  const { environment, show, stored, item } = await withTalks(3);
  const command = startCommand(environment, ['reconcile', '--json', '--rate', '1000', '--watch', '0.01']);
  await expect.poll(stored).toBe(3);
  const late = conversation(1, { title: 'Late' });
  await show(late.snapshot);
  await expect.poll(() => item(late.userId, late.sessionId)).toBeDefined();
  command.kill('SIGTERM');
  const { code, stdout } = await command.ended;
  expect(code).toBe(0);
  const walks = stdout.trim().split('\n');
  expect(walks.length).toBeGreaterThan(1);
  for (const walk of walks) expect(JSON.parse(walk)).toMatchObject({ refused: {} });
});

test('--watch answers to a signal once, however many walks it has made', async () => {
  const { environment } = await withTalks(1);
  const command = startCommand(environment, ['reconcile', '--json', '--watch', '0.0001']);
  await expect.poll(() => command.stdout().split('\n').length).toBeGreaterThan(4);
  command.kill('SIGINT');
  const { code, stderr } = await command.ended;
  expect(code).toBe(0);
  // None is under way, or one is.
  expect(stderr.split('Finishing what is in hand').length).toBeLessThanOrEqual(2);
});
