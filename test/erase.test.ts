import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { resultOf, runCommand, startCommand } from './command.ts';
import { runHere } from './command-here.ts';
import { conversation, eventOf, openReaderOf, setTheScene, timeOf, turn } from './setting.ts';

type Talk = ReturnType<typeof conversation>;

async function withHistory(options: Parameters<typeof setTheScene>[0] = {}) {
  const scene = await setTheScene(options);
  const { stack } = scene;
  const byUser = options?.partitionKeyPath !== '/sessionId';
  return {
    ...scene,
    environment: stack.environment,
    item: (userId: string, sessionId: string) => stack.cosmos.read(byUser ? userId : sessionId, sessionId),
    /** Stores a conversation as the worker leaves it, of so many pages beside the head. */
    store({ snapshot }: Talk, pages = 0, fields: Record<string, unknown> = {}) {
      const { sessionId, userId } = snapshot;
      const segments = Array.from({ length: pages }, (_, index) => {
        const id = `~seg|${sessionId}-${index}`;
        const messages = turn(`page${index}`, index);
        stack.cosmos.put({ id, type: 'segment', sessionId, userId, messages });
        return { id, count: messages.length, bytes: 100, digest: 'x' };
      });
      const times = { createdAt: timeOf(0), lastActivity: timeOf(1), persistedAt: timeOf(2) };
      stack.cosmos.put({
        ...{ id: sessionId, sessionId, userId, title: 'Secret plans', ...times },
        messages: snapshot.messages,
        ...(pages > 0 ? { segments } : {}),
        ...fields,
      });
    },
    erase: (...args: string[]) => runHere(stack.environment, ['erase', '--json', ...args]),
  };
}

const bare = ({ sessionId, userId }: Talk) => ({
  id: sessionId,
  sessionId,
  userId,
  deletedAt: expect.stringMatching(/^20\d\d-.*(Z|00:00)$/),
  messages: [],
});
const withoutSystem = (item: Record<string, unknown> | undefined) =>
  item && Object.fromEntries(Object.entries(item).filter(([name]) => !name.startsWith('_')));

for (const partitionKeyPath of ['/userId', '/sessionId'])
  describe(`in a container keyed by ${partitionKeyPath}`, () => {
    test('a user: every conversation and page, also orphans, and of nobody else', async () => {
      const { store, erase, item, stack } = await withHistory({ partitionKeyPath });
      const mine = [conversation(), conversation(), conversation()];
      const other = conversation(1, { userId: 'somebody else' });
      store(mine[0]!);
      store(mine[1]!, 3);
      store(mine[2]!, 0, { deletedAt: timeOf(3) });
      store(other, 2);
      const orphan = { type: 'segment', sessionId: 'never written', userId: 'user_001', messages: [] };
      stack.cosmos.put({ ...orphan, id: '~seg|orphan' });
      stack.cosmos.put({
        id: 'profile',
        sessionId: 'profile',
        userId: 'user_001',
        kind: 'of another service',
      });
      const others = () =>
        stack.cosmos.items().filter(({ userId, id }) => userId === 'somebody else' || id === 'profile');
      const before = others();

      const counted = await erase('--user', 'user_001', '--dry-run');
      expect(counted.code).toBe(0);
      expect(resultOf(counted)).toMatchObject({
        dryRun: true,
        found: { conversations: 3, pages: 4, coming: 0 },
        erased: 0,
      });
      expect(stack.cosmos.items()).toHaveLength(11);

      const done = await erase('--user', 'user_001', '--yes');
      expect(done, done.stderr).toMatchObject({ code: 0 });
      expect(resultOf(done)).toMatchObject({ erased: 3, pages: 4, forestalled: 1, refused: [], stays: 0 });
      for (const talk of mine) expect(withoutSystem(item(talk.userId, talk.sessionId))).toEqual(bare(talk));
      // What somebody else has marked as deleted keeps its time.
      expect(item('user_001', mine[2]!.sessionId)?.deletedAt).toBe(timeOf(3));
      expect(
        stack.cosmos.items().filter(({ type, userId }) => type === 'segment' && userId === 'user_001'),
      ).toEqual([]);
      expect(
        JSON.stringify(stack.cosmos.items().filter(({ userId }) => userId === 'user_001')),
      ).not.toContain('Secret');
      expect(others()).toEqual(before);

      const again = await erase('--user', 'user_001', '--yes');
      expect(again.code).toBe(0);
      expect(resultOf(again)).toMatchObject({ erased: 0, erasedBefore: 4, pages: 0 });
    });

    test('a session, found without its user, and nothing else of that user', async () => {
      const { store, erase, item, stack } = await withHistory({ partitionKeyPath });
      const [one, two] = [conversation(), conversation()];
      store(one, 2);
      store(two, 1);
      const done = await erase('--session', one.sessionId, '--yes');
      expect(done.code).toBe(0);
      expect(resultOf(done)).toMatchObject({ userId: 'user_001', erased: 1, pages: 2 });
      expect(withoutSystem(item(one.userId, one.sessionId))).toEqual(bare(one));
      expect(item(two.userId, two.sessionId)?.title).toBe('Secret plans');
      expect(stack.cosmos.items()).toHaveLength(3);
    });

    test('neither late events, nor replays, nor a reconcile bring it back', async () => {
      const { store, erase, show, announce, work, counters, path, environment, stack, item } =
        await withHistory({
          partitionKeyPath,
        });
      const [stored, coming] = [conversation(2), conversation(2)];
      store(stored, 1);
      for (const { snapshot } of [stored, coming]) await show(snapshot);
      const done = await erase('--user', 'user_001', '--yes');
      expect(resultOf(done)).toMatchObject({
        erased: 1,
        forestalled: 1,
        redis: { sessions: expect.any(Array) },
      });
      await work();
      await announce(stored.event);
      await announce(coming.event);
      await expect.poll(() => counters().entities[path]!.completed).toBe(2);
      await runHere(environment, ['reconcile', '--rate', '100']);
      await runHere(environment, ['titles']);
      for (const talk of [stored, coming])
        expect(withoutSystem(item(talk.userId, talk.sessionId))).toEqual(bare(talk));
      expect(stack.cosmos.items()).toHaveLength(2);
    });
  });

describe('what is meant', () => {
  test('what somebody else has marked as deleted, and left its messages, is emptied', async () => {
    const { store, erase, item } = await withHistory();
    const talk = conversation();
    const nothing = { title: undefined, createdAt: undefined, lastActivity: undefined };
    store(talk, 0, { ...nothing, deletedAt: timeOf(3) });
    const done = await erase('--session', talk.sessionId, '--yes');
    expect(done.code).toBe(0);
    expect(withoutSystem(item(talk.userId, talk.sessionId))).toEqual(bare(talk));
  });

  test('a session of several users is asked for with its user', async () => {
    const { store, erase, item } = await withHistory();
    const one = conversation();
    const two = conversation(1, { userId: 'user_002', sessionId: one.sessionId });
    store(one);
    store(two);
    const unclear = await erase('--session', one.sessionId, '--yes');
    expect(unclear.code).toBe(1);
    expect(unclear.stderr).toMatch(/of 2 users: say of whom with --user: user_00\d, user_00\d/);
    expect((await erase('--session', one.sessionId, '--user', 'user_002', '--yes')).code).toBe(0);
    expect(item('user_001', one.sessionId)?.title).toBe('Secret plans');
    expect(item('user_002', one.sessionId)?.title).toBeUndefined();
  });

  test('a session that nobody knows, an id that none can have, and no id at all', async () => {
    const { erase, stack } = await withHistory();
    const unknown = await erase('--session', 'nobody knows', '--yes');
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain('no conversation nobody knows in history or in Redis');
    expect((await erase('--session', 'a/b', '--yes')).stderr).toContain('sessionId contains "/"');
    expect((await erase('--yes')).code).toBe(1);
    const none = await erase('--user', 'nobody', '--yes');
    expect(none.code).toBe(0);
    expect(none.stderr).toContain('History holds 0 conversations and 0 pages of nobody');
    expect(stack.cosmos.items()).toEqual([]);
  });

  test('where there is no terminal and no --yes, nothing is erased', async () => {
    const { store, erase, item } = await withHistory();
    const talk = conversation();
    store(talk);
    const asked = await erase('--user', 'user_001');
    expect(asked.code).toBe(1);
    expect(asked.stderr).toContain('--yes');
    expect(item(talk.userId, talk.sessionId)?.title).toBe('Secret plans');
  });

  test('an item that is no conversation of this user is left alone, and told of', async () => {
    const { store, erase, item, stack } = await withHistory();
    const [odd, good] = [conversation(), conversation()];
    store(odd, 1, { segments: 'not a list' });
    store(good);
    const done = await erase('--user', 'user_001', '--yes');
    expect(done.code).toBe(2);
    expect(resultOf(done)).toMatchObject({
      erased: 1,
      pages: 0,
      refused: [{ sessionId: odd.sessionId, code: 'ForeignItem' }],
    });
    expect(item(odd.userId, odd.sessionId)?.title).toBe('Secret plans');
    expect(stack.cosmos.items().some(({ type }) => type === 'segment')).toBe(true);
  });
});

describe('Redis', () => {
  test('is not touched; the command that removes what it holds is told, and does just that', async () => {
    const { store, erase, show, redis, stack, environment } = await withHistory();
    const [one, two, other] = [conversation(), conversation(), conversation(1, { userId: 'somebody else' })];
    const odd = conversation(1, { sessionId: "it's $(touch /tmp/never) \u202e;\n`x`" });
    const newer = conversation();
    for (const talk of [one, two, other]) store(talk);
    for (const { snapshot } of [one, other, odd, newer]) await show(snapshot);
    const done = await erase('--user', 'user_001', '--yes');
    expect(done, done.stderr).toMatchObject({ code: 0 });
    const held = [one, odd, newer].map(({ snapshot }) => snapshot.sessionId).sort();
    const { redis: told, forestalled } = resultOf(done) as {
      redis: { sessions: string[] };
      forestalled: number;
    };
    expect(told.sessions.toSorted()).toEqual(held);
    // The newer one: of an id that no item can have, history can have nothing either.
    expect(forestalled).toBe(1);
    expect(done.stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(await redis.exists(`session:${one.sessionId}`)).toBe(1);
    expect(stack.redis.counters().commands).not.toMatchObject({ DEL: expect.anything() });
    const command = done.stderr
      .split('\n')
      .find((line) => line.includes('redis-cli'))!
      .trim();
    expect(command).not.toContain(environment.REDIS_PASSWORD!);
    // Carried out by a shell, with a redis-cli that writes down what it is given.
    const script = `redis-cli() { printf '%s\\0' "\${@: -1}"; }\n${command}`;
    const given = execFileSync('bash', ['-c', script], { env: { ...process.env, REDIS_PASSWORD: 'x' } });
    expect(given.toString().split('\0').slice(0, -1).sort()).toEqual(
      held.map((id) => `session:${id}`).sort(),
    );
  });

  test('that was not looked through to the end is not said to hold nothing', async () => {
    const { store, show, stack, item } = await withHistory();
    const talks = Array.from({ length: 60 }, () => conversation());
    for (const talk of talks) await show(talk.snapshot);
    store(talks[0]!);
    const args = ['erase', '--user', 'user_001', '--yes', '--json', '--rate', '20'];
    const command = startCommand(stack.environment, args);
    await expect.poll(() => stack.redis.counters().commands.GETRANGE ?? 0).toBeGreaterThan(3);
    command.kill('SIGINT');
    const interrupted = await command.ended;
    expect(interrupted.code).toBe(3);
    expect(interrupted.stderr).toContain('not looked through to the end');
    expect(interrupted.stderr).not.toMatch(/holds nothing|redis-cli/);
    expect(resultOf(interrupted)).toMatchObject({ erased: 0, interrupted: true, redis: { complete: false } });
    expect(item('user_001', talks[0]!.sessionId)?.title).toBe('Secret plans');
  });

  test('that is away is said to be; history is erased all the same', async () => {
    const { store, erase, item, stack } = await withHistory();
    const talk = conversation();
    store(talk);
    await stack.redis.setFaults({ refuseConnections: true });
    const done = await erase('--session', talk.sessionId, '--yes');
    expect(done.code).toBe(2);
    expect(done.stderr).toContain('Redis could not be asked');
    expect(withoutSystem(item(talk.userId, talk.sessionId))).toEqual(bare(talk));
  });

  test('that fails for this key alone keeps nothing in history', async () => {
    const { store, erase, item, stack } = await withHistory();
    const talk = conversation();
    store(talk);
    await stack.redis.setFaults({ failKeys: [`session:${talk.sessionId}`] });
    const done = await erase('--session', talk.sessionId, '--yes');
    expect(done.code).toBe(0);
    expect(done.stderr).toContain('UNLINK');
    expect(withoutSystem(item(talk.userId, talk.sessionId))).toEqual(bare(talk));
  });

  test('alone knows a session yet: its events are kept from coming', async () => {
    const { erase, show, item } = await withHistory();
    const talk = conversation();
    await show(talk.snapshot);
    const done = await erase('--session', talk.sessionId, '--yes');
    expect(resultOf(done)).toMatchObject({ userId: talk.userId, forestalled: 1, erased: 0 });
    expect(withoutSystem(item(talk.userId, talk.sessionId))).toEqual(bare(talk));
  });
});

describe('it is safe', () => {
  test('beside a worker that writes, pages and titles all the while', async () => {
    const { erase, show, announce, work, stack, counters, path } = await withHistory();
    const talks = Array.from({ length: 12 }, () => conversation(0));
    await work({ PAGE_LIMIT_KB: '64' });
    let sent = 0;
    let isOver = false;
    const completed = () => counters().entities[path]!.completed;
    const talking = (async () => {
      for (let index = 0; !isOver; index += 1) {
        for (const talk of talks) {
          const id = `t${index}`;
          talk.snapshot.messages.push(...turn(id, index, `${id} ${'é'.repeat(8_000)}`));
          talk.snapshot.lastActivity = timeOf(index);
          await show(talk.snapshot);
          await announce(eventOf(talk.snapshot, id));
          sent += 1;
        }
        // No faster than the worker: a backlog would only take time.
        await expect.poll(completed, { interval: 5 }).toBe(sent);
      }
    })();
    const pages = () => stack.cosmos.items().filter(({ type }) => type === 'segment').length;
    await expect.poll(pages).toBeGreaterThan(5);
    const done = await erase('--user', 'user_001', '--yes');
    expect(done, done.stderr).toMatchObject({ code: 0 });
    isOver = true;
    await talking;
    for (const item of stack.cosmos.items().filter(({ type }) => type !== 'segment'))
      expect(item).toMatchObject({ deletedAt: expect.any(String), messages: [] });
    // A page that was written before its head was refused is deleted by who wrote it.
    await expect.poll(pages).toBe(0);
  });

  test('while pages of a worker that is in the middle of paging come for a while', async () => {
    const { store, erase, item, stack } = await withHistory();
    const talk = conversation();
    store(talk, 1);
    const { sessionId, userId } = talk;
    const pages = () => stack.cosmos.items().length - 1;
    let written = 0;
    const writing = setInterval(() => {
      if (!item(userId, sessionId)?.deletedAt || pages() > 0) return;
      stack.cosmos.put({ id: `~seg|${written}`, type: 'segment', sessionId, userId, messages: [] });
      written += 1;
      // Each comes when the one before has been deleted, so that it takes another look.
      if (written === 2) clearInterval(writing);
    });
    const done = await erase('--session', sessionId, '--yes');
    clearInterval(writing);
    expect(done, done.stderr).toMatchObject({ code: 0 });
    expect(resultOf(done)).toMatchObject({ stays: 0 });
    expect(written).toBe(2);
    expect(pages()).toBe(0);
  });

  test('interrupted and killed at any moment, and repeated', async () => {
    const { store, environment, stack } = await withHistory();
    const talks = Array.from({ length: 150 }, () => conversation());
    for (const talk of talks) store(talk, 2);
    const live = () => stack.cosmos.items().filter(({ title }) => title !== undefined).length;
    const pages = () => stack.cosmos.items().filter(({ type }) => type === 'segment').length;
    stack.cosmos.setFaults({ latencyMs: 20 });
    const first = startCommand(environment, ['erase', '--user', 'user_001', '--yes', '--json']);
    await expect.poll(live).toBeLessThan(140);
    first.kill('SIGINT');
    const interrupted = await first.ended;
    expect(interrupted.code).toBe(3);
    expect(resultOf(interrupted)).toMatchObject({ interrupted: true, erased: 150 - live(), pages: 0 });
    expect(resultOf(interrupted).stays).toBe(live() + 300);
    const second = startCommand(environment, ['erase', '--user', 'user_001', '--yes']);
    await expect.poll(pages).toBeLessThan(290);
    second.kill('SIGKILL');
    await second.ended;
    expect(live()).toBe(0);
    stack.cosmos.setFaults({ latencyMs: 0 });
    const again = () => runCommand(environment, ['erase', '--user', 'user_001', '--yes']);
    expect((await Promise.all([again(), again()])).map(({ code }) => code)).toEqual([0, 0]);
    expect(pages()).toBe(0);
    expect(stack.cosmos.items()).toHaveLength(150);
  });

  test('with writes whose answer is lost, throttling, and an outage', async () => {
    const { store, environment, stack } = await withHistory();
    const talks = Array.from({ length: 30 }, () => conversation());
    for (const talk of talks) store(talk, 1);
    stack.cosmos.setFaults({ dropAfterCommit: 3, requestUnitsPerSecond: 300 });
    const command = startCommand(environment, ['erase', '--user', 'user_001', '--yes', '--json']);
    const live = () => stack.cosmos.items().filter(({ title }) => title !== undefined).length;
    await expect.poll(live).toBeLessThan(25);
    stack.cosmos.setFaults({ refuseConnections: true, requestUnitsPerSecond: null });
    await expect.poll(command.stderr).toContain('StoreUnavailable');
    stack.cosmos.setFaults({ refuseConnections: false });
    const done = await command.ended;
    expect(done.code).toBe(0);
    expect(resultOf(done)).toMatchObject({ erased: 30, pages: 30, erasedBefore: 0 });
    expect(stack.cosmos.items()).toHaveLength(30);
  });

  test('a reader sees nothing any more', async () => {
    const { store, erase, stack } = await withHistory();
    const talk = conversation();
    store(talk);
    const reader = openReaderOf({ stack });
    expect(await reader.read(talk)).toBeDefined();
    await erase('--session', talk.sessionId, '--yes');
    expect(await reader.read(talk)).toBeUndefined();
    expect((await reader.list(talk.userId)).conversations).toEqual([]);
  });

  test('and says so when access is denied', async () => {
    const { store, show, erase, stack } = await withHistory();
    const talk = conversation();
    store(talk);
    await show(talk.snapshot);
    stack.cosmos.setFaults({ status: { code: 403, operations: ['replace'] } });
    const done = await erase('--user', 'user_001', '--yes');
    expect(done.code).toBe(1);
    expect(done.stderr).toContain('StoreMisconfigured');
    expect(resultOf(done)).toMatchObject({ erased: 0, stays: 1 });
    // Its conversation is removed from Redis when history is erased, not before.
    expect(done.stderr).not.toContain('UNLINK');
  });
});
