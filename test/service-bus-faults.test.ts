import { describe, expect, test } from 'vitest';
import type { StackOptions } from '../emulators/stack.ts';
import { conversation, setTheScene } from './setting.ts';

const LIMITS = { MAX_CONCURRENCY: '3', MAX_LOCKED_EVENTS: '6' };
/** SPEC §6: work resumes within 5 s of the end of an outage. */
const RESUMED = { timeout: 5_000, interval: 20 };
const both: [string, StackOptions][] = [
  ['without sessions', {}],
  ['with sessions', { requiresSession: true }],
];

/** A worker at work on a few conversations of one turn, each with an event of its own. */
async function atWork(count: number, options: StackOptions = {}) {
  const scene = await setTheScene({ lockDurationMs: 5_000, ...options });
  const { stack, show, work, counters, path, item } = scene;
  const talks = Array.from({ length: count }, () => conversation(1, { title: 'Named' }));
  for (const { snapshot } of talks) await show(snapshot);
  const send = (from: number, to: number): void =>
    stack.serviceBus
      .entity('message-completed')
      .send(
        talks
          .slice(from, to)
          .map(({ event, sessionId }) => ({ body: event, messageId: sessionId, sessionId })),
      );
  const { worker, lines, fatal } = await work(LIMITS);
  const entity = () => counters().entities[path]!;
  return {
    ...scene,
    worker,
    lines,
    entity,
    send,
    /** Everything is durable and settled, and the bounds were kept. */
    async allIsWell(): Promise<void> {
      await expect.poll(entity).toMatchObject({ active: 0, locked: 0, deadLettered: 0 });
      for (const { userId, sessionId, snapshot } of talks)
        expect(item(userId, sessionId)?.messages).toEqual(snapshot.messages);
      // What was on its way over a link that was cut lies at the broker until its lock expires.
      const { peakLocked, expiredLocks } = entity();
      expect(peakLocked).toBeLessThanOrEqual(6 + expiredLocks);
      expect(stack.cosmos.counters().concurrentPeak).toBeLessThanOrEqual(3);
      expect(fatal).toEqual([]);
    },
  };
}

describe.each(both)('%s', (_, options) => {
  test('settlements that are refused now and then are tried again, at no cost of a delivery', async () => {
    const { stack, send, entity, allIsWell } = await atWork(20, options);
    stack.serviceBus.setFaults({ refuseSettlements: 'com.microsoft:server-busy', refuseSettlementsEvery: 3 });
    send(0, 20);
    await expect.poll(() => entity().completed).toBe(20);
    await allIsWell();
    expect(entity()).toMatchObject({ delivered: 20, expiredLocks: 0 });
  });

  test('settlements that are refused for longer than a lock lasts are tried again, while the lock is renewed', async () => {
    const { stack, send, entity, allIsWell } = await atWork(3, options);
    stack.serviceBus.setFaults({ refuseSettlements: 'com.microsoft:server-busy' });
    send(0, 3);
    await expect.poll(() => entity().renewals).toBeGreaterThanOrEqual(9);
    expect(entity()).toMatchObject({ completed: 0, locked: 3 });
    stack.serviceBus.setFaults({ refuseSettlements: null });
    await expect.poll(() => entity().completed).toBe(3);
    await allIsWell();
    expect(entity()).toMatchObject({ delivered: 3, expiredLocks: 0 });
  });

  test('locks that are lost in mid-work cost a delivery, and nothing else', async () => {
    const { stack, send, worker, entity, lines, allIsWell } = await atWork(5, options);
    stack.cosmos.setFaults({ freeze: true });
    send(0, 3);
    await expect.poll(() => worker.held).toBe(3);
    stack.serviceBus.act('loseLocks');
    stack.serviceBus.act('loseSessionLocks');
    const lost = () => lines.filter(({ code, level }) => code === 'LockLost' && level === 'warn').length;
    await expect.poll(lost).toBe(3);
    stack.cosmos.setFaults({ freeze: false });
    send(3, 5);
    await expect.poll(() => entity().completed).toBe(5);
    await allIsWell();
  });

  test.each([['an entity that is disabled', 'disableEntity', 'enableEntity']])(
    '%s is waited for, and worked on once it is enabled again',
    async (_, off, on) => {
      const { stack, send, entity, path, worker, allIsWell } = await atWork(8, options);
      send(0, 4);
      await expect.poll(() => entity().completed).toBe(4);
      stack.serviceBus.act(off, { entity: path });
      const gate = worker.gates.find(({ dependency }) => dependency === 'service-bus')!;
      await expect.poll(() => gate.isOpen).toBe(false);
      stack.serviceBus.act(on, { entity: path });
      send(4, 8);
      await expect.poll(() => entity().completed, RESUMED).toBe(8);
      await allIsWell();
      expect(entity().delivered).toBeLessThanOrEqual(8);
    },
  );

  test.each([
    ['tokens are refused', { refuseCbs: true }, { refuseCbs: false }],
    ['links are refused', { refuseAttach: 'com.microsoft:server-busy' }, { refuseAttach: null }],
    ['connections are refused', { refuseConnections: true }, { refuseConnections: false }],
  ])('while %s nothing is lost, and work resumes within 5 s', async (_, on, off) => {
    const { stack, send, entity, worker, allIsWell } = await atWork(8, options);
    send(0, 4);
    await expect.poll(() => entity().completed).toBe(4);
    stack.serviceBus.setFaults(on);
    stack.serviceBus.act('dropConnections');
    const gate = worker.gates.find(({ dependency }) => dependency === 'service-bus')!;
    await expect.poll(() => gate.isOpen).toBe(false);
    send(4, 8);
    stack.serviceBus.setFaults(off);
    await expect.poll(() => entity().completed, RESUMED).toBe(8);
    await allIsWell();
    expect(entity().delivered).toBeLessThanOrEqual(8);
  });

  test('a broker that hangs and comes back is worked on at once', async () => {
    const { stack, send, entity, worker, allIsWell } = await atWork(8, options);
    send(0, 4);
    await expect.poll(() => entity().completed).toBe(4);
    stack.serviceBus.setFaults({ freeze: true });
    const gate = worker.gates.find(({ dependency }) => dependency === 'service-bus')!;
    await expect.poll(() => gate.isOpen).toBe(false);
    send(4, 8);
    stack.serviceBus.setFaults({ freeze: false });
    await expect.poll(() => entity().completed, RESUMED).toBe(8);
    await allIsWell();
  });
});
