import { describe, expect, test } from 'vitest';
import { conversation, eventOf, setTheScene, timeOf, turn } from './setting.ts';

/** So many conversations, each with its turns sent one after the other under the conversation's session. */
async function withSessions(count: number, turns: number, options: { lockDurationMs?: number } = {}) {
  const scene = await setTheScene({ requiresSession: true, ...options });
  const { stack, show, counters, path } = scene;
  const talks = Array.from({ length: count }, () => conversation(turns, { title: 'Named' }));
  const send = async (chosen = talks): Promise<void> => {
    for (const { snapshot } of chosen) await show(snapshot);
    const events = Array.from({ length: turns }, (_, index) =>
      chosen.map(({ snapshot, sessionId, chatMessageId }) => {
        const id = chatMessageId.replace(/_\d+$/, `_${index}`);
        return { body: eventOf(snapshot, id), sessionId, messageId: `${id}` };
      }),
    ).flat();
    stack.serviceBus.entity('message-completed').send(events);
  };
  return { ...scene, talks, send, entity: () => counters().entities[path]! };
}

describe('a subscription with sessions', () => {
  test('is found out at start; many sessions are worked at once, each delivered once, and all is durable', async () => {
    const { stack, work, send, talks, entity, item } = await withSessions(40, 5);
    stack.cosmos.setFaults({ latencyMs: 20 });
    await send();
    const { fatal } = await work({ MAX_CONCURRENCY: '8', MAX_LOCKED_EVENTS: '32' });
    await expect.poll(() => entity().completed).toBe(200);
    for (const { userId, sessionId, snapshot } of talks)
      expect(item(userId, sessionId)?.messages).toEqual(snapshot.messages);
    expect(entity()).toMatchObject({ redelivered: 0, deadLettered: 0, expiredLocks: 0 });
    expect(entity().peakLocked).toBeLessThanOrEqual(32);
    expect(stack.cosmos.counters().concurrentPeak).toBeGreaterThan(1);
    expect(fatal).toEqual([]);
  });

  test('is worked in order within a session, also where its events are of several conversations', async () => {
    const { stack, show, work } = await withSessions(0, 0);
    const talks = Array.from({ length: 6 }, () => conversation(1, { title: 'Named' }));
    for (const { snapshot } of talks) await show(snapshot);
    const order: string[] = [];
    stack.cosmos.setFaults({ latencyMs: 10 });
    const events = [0, 1, 0, 2, 3, 3, 1, 4, 5, 0].map((which, index) => ({
      body: talks[which]!.event,
      sessionId: 'one for all',
      messageId: `${which} ${index}`,
    }));
    stack.serviceBus.entity('message-completed').send(events);
    await work({ MAX_CONCURRENCY: '8' }, ({ messageId }) => order.push(messageId!));
    await expect.poll(() => order.length).toBe(10);
    expect(order).toEqual(events.map(({ messageId }) => messageId));
  });

  test('an idle session is let go, so that another worker or the next session gets its turn', async () => {
    const { work, send, talks, entity } = await withSessions(9, 1);
    await work({ MAX_CONCURRENCY: '1', MAX_LOCKED_EVENTS: '4' });
    await send(talks.slice(0, 3));
    await expect.poll(() => entity().completed).toBe(3);
    await send(talks.slice(3));
    await expect.poll(() => entity().completed).toBe(9);
  });

  test('a session that always has messages does not keep the others waiting for ever', async () => {
    const { stack, show, work, entity } = await withSessions(0, 0);
    const [busy, other] = [conversation(1, { title: 'Named' }), conversation(1, { title: 'Named' })];
    for (const { snapshot } of [busy, other]) await show(snapshot);
    const topic = stack.serviceBus.entity('message-completed');
    const of = ({ event, sessionId }: typeof busy, count: number) =>
      Array.from({ length: count }, () => ({ body: event, sessionId }));
    const settled: string[] = [];
    await work({ MAX_CONCURRENCY: '1' }, ({ sessionId }) => void settled.push(sessionId));
    topic.send(of(busy, 700));
    await expect.poll(() => settled.length, { interval: 5 }).toBeGreaterThan(0);
    topic.send(of(other, 1));
    await expect.poll(() => settled.length).toBe(701);
    expect(settled.indexOf(other.sessionId)).toBeLessThan(400);
    expect(entity()).toMatchObject({ redelivered: 0, expiredLocks: 0 });
  });

  test('a session lock lost in mid-work stops the work on it; its events come again and nothing is written wrongly', async () => {
    const { stack, work, send, talks, entity, item } = await withSessions(6, 3, { lockDurationMs: 5_000 });
    const { worker, lines, fatal } = await work({ MAX_CONCURRENCY: '6' });
    stack.cosmos.setFaults({ freeze: true });
    await send();
    await expect.poll(() => worker.held).toBe(18);
    stack.serviceBus.act('loseSessionLocks');
    const lost = () => lines.filter(({ code, level }) => code === 'LockLost' && level === 'warn').length;
    await expect.poll(lost).toBe(18);
    stack.cosmos.setFaults({ freeze: false });
    await expect.poll(() => entity().completed).toBe(18);
    for (const { userId, sessionId, snapshot } of talks)
      expect(item(userId, sessionId)?.messages).toEqual(snapshot.messages);
    expect(entity()).toMatchObject({ deadLettered: 0, active: 0 });
    expect(fatal).toEqual([]);
  });

  test('the lock of a session is renewed once for all its events, for as long as the work takes', async () => {
    const { stack, work, send, entity } = await withSessions(1, 10, { lockDurationMs: 5_000 });
    const { worker } = await work();
    stack.cosmos.setFaults({ freeze: true });
    await send();
    await expect.poll(() => worker.held).toBe(10);
    await expect.poll(() => entity().renewals).toBeGreaterThan(2);
    stack.cosmos.setFaults({ freeze: false });
    await expect.poll(() => entity().completed).toBe(10);
    expect(entity()).toMatchObject({ delivered: 10, expiredLocks: 0 });
  });

  test('two workers share its sessions, and neither gets what the other has', async () => {
    const { work, send, talks, entity, item } = await withSessions(30, 4);
    const workers = await Promise.all([work({ MAX_CONCURRENCY: '4' }), work({ MAX_CONCURRENCY: '4' })]);
    await send();
    await expect.poll(() => entity().completed).toBe(120);
    for (const { userId, sessionId, snapshot } of talks)
      expect(item(userId, sessionId)?.messages).toEqual(snapshot.messages);
    expect(entity().redelivered).toBe(0);
    for (const { fatal } of workers) expect(fatal).toEqual([]);
  });

  test.each([
    ['a dropped connection', 'dropConnections', {}],
    ['a restarted broker', 'restart', { downMs: 300 }],
    ['detached links', 'detachLinks', {}],
  ])('%s is got over', async (_, action, args) => {
    const { stack, work, send, talks, entity, item } = await withSessions(20, 4, { lockDurationMs: 3_000 });
    const { fatal } = await work({ MAX_CONCURRENCY: '6' });
    stack.cosmos.setFaults({ latencyMs: 10 });
    await send();
    await expect.poll(() => entity().completed).toBeGreaterThan(10);
    await stack.serviceBus.act(action, args);
    await expect.poll(() => entity().completed).toBeGreaterThanOrEqual(80);
    await expect.poll(() => entity()).toMatchObject({ active: 0, locked: 0, deadLettered: 0 });
    for (const { userId, sessionId, snapshot } of talks)
      expect(item(userId, sessionId)?.messages).toEqual(snapshot.messages);
    expect(fatal).toEqual([]);
  });

  test('stopping hands the sessions back at once, also while it waits for the next one', async () => {
    const { work, entity, send, talks } = await withSessions(2, 2);
    const { worker } = await work();
    await send();
    await expect.poll(() => entity().completed).toBe(4);
    const startedMs = performance.now();
    expect(await worker.stop(10_000)).toEqual({ abandoned: 0 });
    // The client would wait for a session for ten seconds more, and take no signal.
    expect(performance.now() - startedMs).toBeLessThan(4_000);
    await send(talks);
    await work();
    await expect.poll(() => entity().completed).toBe(8);
  });
});

test('a subscription without sessions takes messages with a session id as any other', async () => {
  const { show, announce, work, counters, path } = await setTheScene();
  const { snapshot } = conversation(1, { title: 'Named' });
  await show({ ...snapshot, messages: [...turn('a', 0), ...turn('b', 1)], lastActivity: timeOf(1) });
  await announce(eventOf(snapshot, 'a'));
  await work();
  await announce(eventOf(snapshot, 'b'));
  await expect.poll(() => counters().entities[path]?.completed).toBe(2);
});
