import { describe, expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';
import { sweep } from '../src/operations/sweep.ts';
import { resultOf, runCommand } from './command.ts';
import { conversation, eventOf, openReaderOf, setTheScene, timeOf } from './setting.ts';

const KB = 1_024;
/** A turn of so many bytes. */
const longTurn = (id: string, index: number, bytes: number) =>
  ['user', 'assistant'].map((role) => ({
    messageId: `${id}_${role}`,
    role,
    content: `${id} ${role} ${'é'.repeat(bytes / 4)}`,
    timestamp: timeOf(index),
  }));

async function withPages(options: Parameters<typeof setTheScene>[0] = {}) {
  const scene = await setTheScene(options);
  const { stack, show, announce, counters, path } = scene;
  const reader = openReaderOf(scene);
  const entity = () => counters().entities[path]!;
  return {
    ...scene,
    reader,
    entity,
    segments: () => stack.cosmos.items().filter(({ type }) => type === 'segment'),
    /** Shows a snapshot, announces its turn, and waits until that is settled. */
    async finish(snapshot: ReturnType<typeof conversation>['snapshot'], turnId: string): Promise<void> {
      const done = entity().completed + entity().deadLettered;
      await show(snapshot);
      await announce(eventOf(snapshot, turnId));
      await expect.poll(() => entity().completed + entity().deadLettered, { interval: 5 }).toBe(done + 1);
    },
  };
}

describe('a conversation that outgrows an item', () => {
  test('of 5 MB is stored in pages by many events, and is read back whole', async () => {
    const { work, finish, reader, entity, segments } = await withPages();
    await work();
    const { snapshot } = conversation(0, { title: 'Named' });
    for (let index = 0; index < 50; index += 1) {
      snapshot.messages.push(...(longTurn(`t${index}`, index, 50 * KB) as typeof snapshot.messages));
      snapshot.lastActivity = timeOf(index);
      if (index % 5 === 4) await finish(snapshot, `t${index}`);
    }
    expect(entity()).toMatchObject({ completed: 10, deadLettered: 0 });
    expect((await reader.read(snapshot))?.messages).toEqual(snapshot.messages);
    expect(segments().length).toBeGreaterThan(1);
  });

  test('with a low page limit costs far fewer request units than in one item', async () => {
    const units: number[] = [];
    for (const environment of [{}, { PAGE_LIMIT_KB: '64' }] as Record<string, string>[]) {
      const { stack, work, finish, reader } = await withPages();
      await work(environment);
      const { snapshot } = conversation(0, { title: 'Named' });
      for (let index = 0; index < 60; index += 1) {
        snapshot.messages.push(...(longTurn(`t${index}`, index, 8 * KB) as typeof snapshot.messages));
        snapshot.lastActivity = timeOf(index);
        await finish(snapshot, `t${index}`);
      }
      expect((await reader.read(snapshot))?.messages).toEqual(snapshot.messages);
      units.push(stack.cosmos.counters().requestUnits);
    }
    expect(units[1]!).toBeLessThan(units[0]! / 3);
  });

  test('keeps an edit of an old message, a rename in between, and what Redis has forgotten', async () => {
    const { stack, work, finish, reader, item } = await withPages();
    await work({ PAGE_LIMIT_KB: '64' });
    const { snapshot, userId, sessionId } = conversation(0, { title: 'Named' });
    for (let index = 0; index < 30; index += 1)
      snapshot.messages.push(...(longTurn(`t${index}`, index, 8 * KB) as typeof snapshot.messages));
    snapshot.lastActivity = timeOf(29);
    await finish(snapshot, 't29');
    snapshot.messages[4] = { ...snapshot.messages[4]!, content: 'edited' };
    snapshot.messages.push(...(longTurn('t30', 30, 8 * KB) as typeof snapshot.messages));
    snapshot.lastActivity = timeOf(30);
    await finish(snapshot, 't30');
    expect((await reader.read(snapshot))?.messages).toEqual(snapshot.messages);

    const head = item(userId, sessionId)!;
    stack.cosmos.put({ ...head, title: 'Renamed by its user' });
    const before = [...snapshot.messages];
    snapshot.messages = longTurn('t31', 31, 8 * KB) as typeof snapshot.messages;
    snapshot.lastActivity = timeOf(31);
    await finish(snapshot, 't31');
    const found = await reader.read(snapshot);
    expect(found?.messages).toEqual([...before, ...snapshot.messages]);
    expect(found?.title).toBe('Renamed by its user');
    expect((await reader.list(userId)).conversations).toEqual([
      { id: sessionId, title: 'Renamed by its user', createdAt: found!.createdAt, lastActivity: timeOf(31) },
    ]);
  });

  test('may have a message of nearly 2 MB, and be a single item of an older worker before', async () => {
    const { stack, work, finish, reader } = await withPages({ partitionKeyPath: '/sessionId' });
    const { snapshot, userId, sessionId } = conversation(0, { title: 'Named' });
    snapshot.messages.push(...(longTurn('t0', 0, 1_600 * KB) as typeof snapshot.messages));
    stack.cosmos.put({ ...snapshot, id: sessionId, persistedAt: timeOf(0), userId });
    await work();
    snapshot.messages.push(...(longTurn('t1', 1, 3_700 * KB) as typeof snapshot.messages));
    snapshot.lastActivity = timeOf(1);
    await finish(snapshot, 't1');
    snapshot.messages.push(...(longTurn('t2', 2, 4 * KB) as typeof snapshot.messages));
    snapshot.lastActivity = timeOf(2);
    await finish(snapshot, 't2');
    expect((await reader.read({ userId, sessionId }))?.messages).toEqual(snapshot.messages);
  });
});

test('a reader beside a writer that pages and exchanges pages sees nothing twice and nothing missing', async () => {
  const { work, finish, reader } = await withPages();
  await work({ PAGE_LIMIT_KB: '64' });
  const { snapshot } = conversation(0, { title: 'Named' });
  let isOver = false;
  let reads = 0;
  const reading = (async () => {
    let least = 0;
    while (!isOver) {
      const messages = (await reader.read(snapshot))?.messages ?? [];
      const ids = messages.map(({ messageId }) => messageId);
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids).toEqual(snapshot.messages.slice(0, ids.length).map(({ messageId }) => messageId));
      expect(ids.length).toBeGreaterThanOrEqual(least);
      least = ids.length;
      reads += 1;
    }
  })();
  for (let index = 0; index < 40; index += 1) {
    snapshot.messages.push(...(longTurn(`t${index}`, index, 16 * KB) as typeof snapshot.messages));
    if (index > 4) snapshot.messages[2] = { ...snapshot.messages[2]!, content: `edited ${index}` };
    snapshot.lastActivity = timeOf(index);
    await finish(snapshot, `t${index}`);
  }
  isOver = true;
  await reading;
  expect(reads).toBeGreaterThan(10);
});

test('a sweep deletes the pages that no head lists, once they are over an hour old, and no others', async () => {
  const { stack, work, finish, reader, segments } = await withPages();
  await work({ PAGE_LIMIT_KB: '64' });
  const { snapshot } = conversation(0, { title: 'Named' });
  for (let index = 0; index < 12; index += 1) {
    snapshot.messages.push(...(longTurn(`t${index}`, index, 16 * KB) as typeof snapshot.messages));
    if (index > 4) snapshot.messages[2] = { ...snapshot.messages[2]!, content: `edited ${index}` };
    snapshot.lastActivity = timeOf(index);
    await finish(snapshot, `t${index}`);
  }
  const listed = (stack.cosmos.read(snapshot.userId, snapshot.sessionId)!.segments as { id: string }[])
    .length;
  const left = segments().length - listed;
  expect(left).toBeGreaterThan(3);
  const config = readConfig(stack.environment);
  const options = { isDryRun: false, olderThanMinutes: 60 };
  expect(await sweep(config, options)).toEqual({ found: 0, listed: 0, deleted: 0 });
  await stack.cosmos.act('ageItems', { seconds: 3_700 });
  expect(await sweep(config, { ...options, isDryRun: true })).toEqual({
    found: listed + left,
    listed,
    deleted: left,
  });
  expect(segments()).toHaveLength(listed + left);
  // Two at once, as two people may.
  await Promise.all([sweep(config, options), sweep(config, options)]);
  expect(segments()).toHaveLength(listed);
  expect((await reader.read(snapshot))?.messages).toEqual(snapshot.messages);
  // Marked by the front end, which may take that back.
  const head = stack.cosmos.read(snapshot.userId, snapshot.sessionId)!;
  stack.cosmos.put({ ...head, deletedAt: timeOf(20) });
  await sweep(config, options);
  expect(segments()).toHaveLength(listed);
});

test('a reader lists what is not deleted, the latest first and without pages, as it reads it', async () => {
  const { stack, reader } = await withPages();
  const put = (index: number, fields: object = {}): string => {
    const { snapshot, sessionId } = conversation(1, { lastActivity: timeOf(index) });
    stack.cosmos.put({ id: sessionId, ...snapshot, title: `Number ${index}`, ...fields });
    return sessionId;
  };
  // Null is how some services say that it is not.
  const [first, second] = [put(1), put(2, { deletedAt: null })];
  const deleted = [put(3, { deletedAt: timeOf(4) }), put(4, { deletedAt: 1_772_409_600 })];
  put(5, { type: 'segment' });
  const { conversations } = await reader.list('user_001');
  expect(conversations.map(({ id }) => id)).toEqual([second, first]);
  for (const sessionId of [first, second])
    expect(await reader.read({ userId: 'user_001', sessionId })).toBeDefined();
  for (const sessionId of deleted)
    expect(await reader.read({ userId: 'user_001', sessionId })).toBeUndefined();
});

test('the command for it ends as the others do: with a line of JSON, and with a word on who can tell what is wrong', async () => {
  const { stack } = await setTheScene();
  const swept = await runCommand(stack.environment, ['sweep', '--dry-run', '--json']);
  expect(swept.code).toBe(0);
  expect(resultOf(swept)).toEqual({ found: 0, listed: 0, deleted: 0, dryRun: true });
  const denied = await runCommand({ ...stack.environment, COSMOS_KEY: 'd3Jvbmc=' }, ['sweep']);
  expect(denied.code).toBe(1);
  expect(denied.stderr).toContain('StoreMisconfigured');
  expect(denied.stderr).toContain('history-worker doctor');
  expect((await runCommand({}, ['sweep'])).code).toBe(78);
});
