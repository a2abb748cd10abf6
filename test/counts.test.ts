import { expect, test } from 'vitest';
import { type Event, eventOf, type Snapshot, setTheScene, turn } from './setting.ts';

/** What the services were asked for since the last look: it holds on any machine, so a change of it is a change of cost. */
async function counting(environment: Record<string, string> = {}) {
  const scene = await setTheScene();
  const { stack, redis, announce } = scene;
  await scene.work({ MAX_CONCURRENCY: '4', ...environment });
  const look = () => {
    const { reads, writes, requestUnits } = stack.cosmos.counters();
    const asked = stack.redis.counters().commands as Record<string, number>;
    const redisReads = (asked.GETRANGE ?? 0) + (asked.GET ?? 0) + (asked.STRLEN ?? 0);
    return { redisReads, reads, ...writes, requestUnits, chat: stack.chat.counters().requests };
  };
  let settled = 0;
  return async (snapshot: Snapshot, event: Event, messageId?: string) => {
    await redis.set(`session:${snapshot.sessionId}`, JSON.stringify(snapshot));
    const before = look();
    await announce(event, messageId);
    settled += 1;
    await expect.poll(() => scene.counters().entities[scene.path]!.completed).toBe(settled);
    const after = look();
    const names = Object.keys(after) as (keyof typeof after)[];
    // What was not asked for is left out.
    return Object.fromEntries(
      names
        .map((name) => [name, Number((after[name] - before[name]).toFixed(2))])
        .filter(([, count]) => count !== 0),
    );
  };
}

const ids = { sessionId: 'counted', userId: 'user_001' };
function talkOf(turns: number, words?: string) {
  const messages = Array.from({ length: turns }, (_, index) => turn(`m${index}`, index, words)).flat();
  const times = { createdAt: messages[0]!.timestamp, lastActivity: messages.at(-1)!.timestamp };
  const snapshot = { ...ids, title: null, ...times, messages };
  return { snapshot, event: eventOf(ids, `m${turns - 1}`) };
}

test('a new conversation costs a read of Redis, a create, a title and its patch', async () => {
  const costOf = await counting();
  const { snapshot, event } = talkOf(1);
  expect(await costOf(snapshot, event)).toEqual({
    redisReads: 1,
    create: 1,
    patch: 1,
    requestUnits: 9.9,
    chat: 1,
  });
});

test('a turn of a conversation that was stored last costs a read of Redis and a patch; its repetition only the read', async () => {
  const costOf = await counting();
  for (const turns of [1, 2]) await costOf(...(Object.values(talkOf(turns)) as [Snapshot, Event]));
  const { snapshot, event } = talkOf(3);
  expect(await costOf(snapshot, event)).toEqual({ redisReads: 1, patch: 1, requestUnits: 5.19 });
  expect(await costOf(snapshot, event)).toEqual({ redisReads: 1 });
});

test('sixty turns of 4 KB cost a third in pages of 64 KB of what one document costs', async () => {
  const words = 'w'.repeat(4_096);
  const sumOf = async (environment: Record<string, string>) => {
    const costOf = await counting(environment);
    const sums: Record<string, number> = {};
    for (let turns = 1; turns <= 60; turns += 1) {
      const { snapshot, event } = talkOf(turns, words);
      for (const [name, count] of Object.entries<number>(await costOf(snapshot, event)))
        sums[name] = Math.round(((sums[name] ?? 0) + count) * 100) / 100;
    }
    return sums;
  };
  expect(await sumOf({})).toEqual({
    redisReads: 60,
    reads: 1,
    create: 1,
    patch: 60,
    requestUnits: 2956.63,
    chat: 1,
  });
  expect(await sumOf({ PAGE_LIMIT_KB: '64' })).toEqual({
    ...{ redisReads: 60, reads: 1, create: 7, replace: 9, patch: 51, requestUnits: 1011.88, chat: 1 },
  });
});
