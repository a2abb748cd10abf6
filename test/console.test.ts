import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { type Json, look, running } from './console-setting.ts';
import { setAside } from './set-aside.ts';
import { conversation, setTheScene, turn } from './setting.ts';
import { startWorkerProcess } from './worker-process.ts';

describe('whether there is one', () => {
  test('without being asked for there is none, and nothing of it is imported', async () => {
    const { ask, worker } = await running({
      CONSOLE_ENABLED: '',
      NODE_OPTIONS: '--import ./test/telling-files.ts',
    });
    expect((await ask('/console/')).status).toBe(404);
    expect((await ask('/livez')).status).toBe(200);
    expect(worker.errors()).toContain('imports src/worker.ts');
    expect(worker.errors()).not.toContain('imports src/console/');
  });

  test.each([
    [
      { HEALTH_HOST: '0.0.0.0' },
      'CONSOLE_TOKEN is missing: the console shows conversations, and HEALTH_HOST is 0.0.0.0',
    ],
    [{ HEALTH_PORT: 'off' }, 'CONSOLE_ENABLED is true, but HEALTH_PORT is off'],
    [{ CONSOLE_TOKEN: 'too short' }, 'CONSOLE_TOKEN has 9 characters, expected at least 16'],
    [{ CONSOLE_ENABLED: 'maybe' }, 'CONSOLE_ENABLED is "maybe"'],
  ])('%j is refused at the start, by one message', async (environment, message) => {
    const { stack } = await setTheScene();
    const worker = startWorkerProcess({
      ...stack.environment,
      HEALTH_PORT: '0',
      CONSOLE_ENABLED: 'true',
      ...(environment as object),
    });
    expect(await worker.exited).toBe(78);
    expect(worker.errors()).toContain('The configuration has 1 fault:');
    expect(worker.errors()).toContain(message);
    expect(worker.output()).toBe('');
  });
});

test('a conversation is found by its session and by its user, and read whole; the log says who looked, and never what was read', async () => {
  const { ask, show, announce, item, worker } = await running({ PAGE_LIMIT_KB: '64' });
  const CANARY = 'kanarienvogel';
  const words = (index: number): string => `${CANARY} ${index} ${'long '.repeat(1_500)}`;
  const long = conversation(1, { title: `${CANARY} title` });
  long.snapshot.messages = Array.from({ length: 24 }, (_, index) =>
    turn(`${long.chatMessageId}_${index}`, index, words(index)),
  ).flat();
  const event = { ...long.event, chatMessageId: `${long.chatMessageId}_23` };
  const others = Array.from({ length: 30 }, (_, index) =>
    conversation(1, {
      title: `Number ${index}`,
      lastActivity: `2026-04-01T10:00:${String(index).padStart(2, '0')}Z`,
    }),
  );
  for (const one of [long, ...others]) await show(one.snapshot);
  for (const one of [event, ...others.map((other) => other.event)]) await announce(one);
  for (const one of [long, ...others]) await expect.poll(() => item(one.userId, one.sessionId)).toBeDefined();

  const { json: found } = await ask('/console/conversation', { body: { sessionId: long.sessionId } });
  const { pages, messages, title, userId } = found.conversation;
  expect([title, userId]).toEqual([`${CANARY} title`, 'user_001']);
  expect(pages.length).toBeGreaterThan(1);
  const read = [];
  for (const { id } of pages)
    read.push(
      ...(await ask('/console/conversation-page', { body: { sessionId: long.sessionId, userId, page: id } }))
        .json.messages,
    );
  expect([...read, ...messages]).toEqual(long.snapshot.messages);
  const gone = { sessionId: long.sessionId, userId, page: '~seg|00000000-0000-0000-0000-000000000000' };
  expect((await ask('/console/conversation-page', { body: gone })).status).toBe(410);
  expect(
    (await ask('/console/conversation-page', { body: { ...gone, page: others[0]!.sessionId } })).status,
  ).toBe(400);

  const first = (await ask('/console/conversations', { body: { userId } })).json;
  const second = (await ask('/console/conversations', { body: { userId, continuation: first.continuation } }))
    .json;
  const listed = [...first.conversations, ...second.conversations];
  expect(first.conversations).toHaveLength(25);
  expect(second.continuation).toBeUndefined();
  expect(listed.map(({ id }) => id)).toEqual(
    [...others.toReversed(), long].map(({ sessionId }) => sessionId),
  );

  expect((await ask('/console/conversation', { body: { sessionId: 'none' } })).json).toEqual({
    kind: 'none',
  });
  for (const sessionId of ['a/b', '', '~seg|x', 7, 'x'.repeat(2_000)])
    expect((await ask('/console/conversation', { body: { sessionId } })).status).toBe(400);
  const lines = worker.lines.filter(({ msg }) => msg?.startsWith('console: '));
  expect(lines).toContainEqual(
    expect.objectContaining({
      level: 'INFO',
      msg: 'console: a conversation was looked up',
      'app.session_id': long.sessionId,
      'app.user_id': userId,
      found: 'conversation',
      by: 'anybody',
      from: '127.0.0.1',
    }),
  );
  expect(lines).toContainEqual(
    expect.objectContaining({
      msg: 'console: the conversations of a user were listed',
      'app.user_id': userId,
    }),
  );
  expect(worker.output()).not.toContain(CANARY);
});

describe('replay', () => {
  test('of a reason, clicked twice at once: begun once, told to all who look, and what it came to', async () => {
    const talks = Array.from({ length: 4 }, () => conversation(1, { title: 'Named' }));
    const gone = conversation();
    const { ask, url, show, item, worker, counters, path } = await running({}, async (scene) => {
      await setAside(
        scene,
        [...talks, gone].map(({ event }) => event),
      );
      await setAside(scene, [{ ...conversation().event, userId: 7 }], 'InvalidEvent');
      for (const { snapshot } of talks) await scene.show(snapshot);
    });
    const { json: before } = await ask('/console/dead-letters');
    expect(before).toMatchObject({
      total: 6,
      isAll: true,
      groups: [
        { reason: 'ConversationNotFound', count: 5 },
        { reason: 'InvalidEvent', count: 1 },
      ],
    });
    expect(before.groups[0].letters[0]).toMatchObject({
      sessionId: talks[0]!.sessionId,
      reason: 'ConversationNotFound',
    });
    expect(JSON.stringify(before)).not.toContain('"body"');

    const viewers = [await look(url), await look(url)];
    const [one, other, another] = await Promise.all([
      ask('/console/replays', { body: { reason: 'ConversationNotFound' } }),
      ask('/console/replays', { body: { reason: 'ConversationNotFound' } }),
      ask('/console/replays', { body: { reason: 'InvalidEvent' } }),
    ]);
    expect([one.status, other.status, another.status]).toEqual([202, 202, 409]);
    expect([one.json.kind, other.json.kind, another.json.kind]).toEqual(['begun', 'under way', 'another']);
    for (const viewer of viewers)
      await expect
        .poll(() => viewer.told('replay').at(-1))
        .toMatchObject({
          id: 1,
          state: 'done',
          chosen: 5,
          replayed: 4,
          notMet: 0,
          failed: [{ reason: 'ConversationNotFound', count: 1 }],
        });
    for (const { userId, sessionId } of talks)
      expect(item(userId, sessionId)).toMatchObject({ title: 'Named' });
    expect((await ask('/console/dead-letters')).json.groups.map(({ count }: Json) => count)).toEqual([1, 1]);

    // One alone; and once more when it is gone.
    await show(gone.snapshot);
    const { json: after } = await ask('/console/dead-letters');
    const { sequenceNumber } = after.groups.find(({ reason }: Json) => reason === 'ConversationNotFound')
      .letters[0];
    for (const [id, replayed] of [
      [2, 1],
      [3, 0],
    ]) {
      await ask('/console/replays', { body: { sequenceNumber } });
      await expect
        .poll(() => viewers[0]!.told('replay').at(-1))
        .toMatchObject({ id, state: 'done', chosen: 1, replayed });
    }
    expect(counters().entities[`${path}/$DeadLetterQueue`]).toMatchObject({
      active: 1,
      locked: 0,
    });
    const said = worker.lines.filter(({ msg }) => msg === 'console: a replay was begun');
    expect(said).toMatchObject([
      { reason: 'ConversationNotFound', replay: 1, by: 'anybody' },
      { sequenceNumber, replay: 2 },
      { sequenceNumber, replay: 3 },
    ]);
  });

  test('and streams that are open hold no shutdown up', async () => {
    const talks = Array.from({ length: 3 }, () => conversation(1, { title: 'Named' }));
    const { ask, url, worker, stack, path, counters } = await running({}, async (scene) => {
      await setAside(
        scene,
        talks.map(({ event }) => event),
      );
      for (const { snapshot } of talks) await scene.show(snapshot);
    });
    const viewers = await Promise.all(Array.from({ length: 5 }, () => look(url)));
    // One who does not even read.
    const deaf = connect(Number(new URL(url).port), '127.0.0.1');
    deaf
      .on('error', () => undefined)
      .pause()
      .write('GET /console/live HTTP/1.1\r\nhost: localhost\r\n\r\n');
    stack.cosmos.setFaults({ freeze: true });
    await ask('/console/replays', { body: { reason: 'ConversationNotFound' } });
    const dead = () => counters().entities[`${path}/$DeadLetterQueue`]!;
    await expect.poll(() => viewers[0]!.told('replay').at(-1)).toMatchObject({ state: 'running', chosen: 3 });
    const startedMs = performance.now();
    worker.kill('SIGTERM');
    expect(await worker.exited).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    for (const viewer of viewers) await viewer.ended;
    expect(dead().completed).toBe(0);
  });
});

test('the numbers that are told are those of the metrics', async () => {
  const { url, show, announce, ask } = await running();
  const viewer = await look(url);
  await expect
    .poll(() => viewer.told('hello')[0])
    .toMatchObject({
      status: { ready: true, dependencies: { redis: { state: 'open' } } },
      samples: [],
      replays: [],
    });
  for (let index = 0; index < 5; index += 1) {
    const { snapshot, event } = conversation();
    await show(snapshot);
    await announce(event);
  }
  const total = (name: string): number =>
    viewer.told('sample').reduce((sum, sample) => sum + sample[name], 0);
  await expect.poll(() => total('completed')).toBe(5);
  expect([total('received'), total('durable'), total('deadLettered')]).toEqual([5, 5, 0]);
  const { text } = await ask('/metrics');
  const metric = (name: string): number =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? ([\\d.e+-]+)`, 'gm'))].reduce(
      (sum, [, value]) => sum + Number(value),
      0,
    );
  expect(total('requestUnits')).toBeCloseTo(metric('azure_cosmosdb_client_operation_request_charge_sum'), 3);
  expect(total('inputTokens') + total('outputTokens')).toBe(metric('gen_ai_client_token_usage_sum'));
  const last = viewer.told('sample').findLast(({ p50 }) => p50 !== null);
  expect(last.p50).toBeGreaterThan(0);
  expect(last.p99).toBeGreaterThanOrEqual(last.p50);
  // An answer that is later than the first write is counted in a later sample.
  const titled = (): number => viewer.told('sample').reduce((sum, { titles }) => sum + titles.stored, 0);
  await expect.poll(titled).toBe(5);
});
