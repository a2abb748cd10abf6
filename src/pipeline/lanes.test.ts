import { describe, expect, test } from 'vitest';
import { startConsumer } from './consumer.ts';
import { Failure } from './failures.ts';
import { makeGates, type Needed } from './gates.ts';
import { makeLanes } from './lanes.ts';
import { makeLockKeeper } from './locks.ts';
import { heldEvent, memoryPorts } from './memory-ports.ts';
import type { EventSource, HeldEvent, Probe, Settlement } from './ports.ts';
import { makeRecent } from './recent.ts';
import { makeTitleGate } from './title-gate.ts';
import { makeTitling } from './titling.ts';

function setUp(
  given: {
    turnWaitMs?: number;
    maxConcurrency?: number;
    probes?: Record<Needed, Probe>;
    cacheRead?: (read: () => Promise<string | undefined>) => Promise<string | undefined>;
  } = {},
) {
  const memory = memoryPorts();
  const settled: { turn: string; settlement: Settlement }[] = [];
  const fatal: unknown[] = [];
  const moves = { count: 0 };
  const { cacheRead } = given;
  const cache = cacheRead
    ? {
        ...memory.cache,
        read: (...args: Parameters<typeof memory.cache.read>) => cacheRead(() => memory.cache.read(...args)),
      }
    : memory.cache;
  const { model, clock, log } = memory;
  const probes = { 'service-bus': cache.probe, redis: cache.probe, cosmos: memory.store.probe };
  const gates = makeGates(given.probes ?? probes, clock, log);
  const lanes = makeLanes({
    ...memory,
    gates,
    cache,
    titling: makeTitling({ model, gate: makeTitleGate(clock, log), maxConcurrency: 4, log }),
    maxConcurrency: given.maxConcurrency ?? 4,
    keptBytes: 1_000_000,
    turnWaitMs: given.turnWaitMs ?? 30_000,
    locks: makeLockKeeper(memory.clock, memory.log),
    recent: makeRecent(),
    onFatal: (error) => fatal.push(error),
    onMoved: () => {
      moves.count += 1;
    },
  });
  const talk = (sessionId: string, turns: string[]): void =>
    void memory.redis.set(
      sessionId,
      JSON.stringify({
        sessionId,
        userId: 'u',
        createdAt: '2026-01-01T00:00:00Z',
        lastActivity: '2026-01-01T00:00:00Z',
        messages: turns.flatMap((turn) =>
          ['user', 'assistant'].map((role) => ({ messageId: `${turn}_${role}`, role, content: turn })),
        ),
      }),
    );
  const held = (sessionId: string, turn: string, fields: Partial<HeldEvent> = {}): HeldEvent =>
    heldEvent(sessionId, turn, {
      settle: async (settlement) => void settled.push({ turn, settlement }),
      ...fields,
    });
  return {
    ...memory,
    lanes,
    gates,
    talk,
    held,
    settled,
    fatal,
    moves,
    kinds: () => settled.map(({ turn, settlement }) => `${turn} ${settlement.kind}`).sort(),
  };
}
const done = (): void => undefined;

describe('lanes', () => {
  test('events of one conversation that wait together cost one read and one write', async () => {
    const { lanes, talk, held, kinds, calls } = setUp();
    talk('s', ['t1', 't2', 't3']);
    for (const turn of ['t1', 't2', 't3']) lanes.accept(held('s', turn), done);
    await expect.poll(kinds).toEqual(['t1 complete', 't2 complete', 't3 complete']);
    expect(calls).toMatchObject({ cacheReads: 1, storeReads: 0, creates: 1, replaces: 0 });
  });

  test('a later event whose turn is known to be stored from a newer snapshot costs neither read nor write', async () => {
    const { lanes, talk, held, kinds, calls } = setUp();
    talk('s', ['t1', 't2']);
    lanes.accept(held('s', 't1'), done);
    await expect.poll(kinds).toEqual(['t1 complete']);
    lanes.accept(held('s', 't2', { enqueuedAtMs: Date.now() - 60_000 }), done);
    await expect.poll(kinds).toEqual(['t1 complete', 't2 complete']);
    expect(calls.cacheReads).toBe(1);
    lanes.accept(held('s', 't2', { enqueuedAtMs: Date.now() }), done);
    await expect.poll(() => calls.cacheReads).toBe(2);
  });

  test('what moves is told: the first event in an empty hand, each round, each settlement; not what hangs', async () => {
    let reads = 0;
    const { lanes, talk, held, settled, moves } = setUp({
      cacheRead(read) {
        reads += 1;
        return reads === 1 ? new Promise(() => undefined) : read();
      },
    });
    talk('s', ['t1']);
    talk('other', ['t2']);
    lanes.accept(held('s', 't1'), done);
    expect(moves.count).toBe(1);
    lanes.accept(held('s', 't1'), done);
    await expect.poll(() => reads).toBe(1);
    lanes.accept(held('other', 't2'), done);
    await expect.poll(() => settled.length).toBe(1);
    await expect.poll(() => moves.count).toBe(3);
    expect(lanes.inHand).toBe(2);
  });

  test('nothing is settled before it is written', async () => {
    const { lanes, talk, held, settled, items, store, fatal } = setUp();
    talk('s', ['t1']);
    const create = store.create;
    store.create = async (document) => {
      expect(settled).toEqual([]);
      return create(document);
    };
    lanes.accept(held('s', 't1'), done);
    await expect.poll(() => settled.length).toBe(1);
    expect(items.size).toBe(1);
    expect(fatal).toEqual([]);
  });

  test('an outage of Redis holds the events and spends no delivery', async () => {
    let away = true;
    const { lanes, talk, held, settled, kinds } = setUp({
      cacheRead: (read) => (away ? Promise.reject(new Failure('CacheUnavailable', 'refused')) : read()),
    });
    talk('s', ['t1']);
    lanes.accept(held('s', 't1'), done);
    await expect.poll(() => lanes.inHand).toBe(1);
    expect(settled).toEqual([]);
    away = false;
    await expect.poll(kinds).toEqual(['t1 complete']);
  });

  test('events of a session keep their order, also where the first of them has failed for a while', async () => {
    let failures = 1;
    const { lanes, talk, held, items } = setUp({
      cacheRead(read) {
        failures -= 1;
        return failures >= 0 ? Promise.reject(new Failure('CacheUnavailable', 'refused')) : read();
      },
    });
    talk('first', ['t1']);
    talk('second', ['t2']);
    for (const [sessionId, turn] of [
      ['first', 't1'],
      ['second', 't2'],
    ] as const)
      lanes.accept(held(sessionId, turn, { sessionId: 'a session' }), done);
    await expect.poll(() => [...items.keys()]).toEqual(['u\nfirst', 'u\nsecond']);
  });

  test('a throttled store is asked by fewer at a time', async () => {
    let [refused, reading] = [0, 0];
    const turnOfLoop = () => new Promise<void>((resolve) => setImmediate(resolve));
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { lanes, talk, held, settled, clock } = setUp({
      maxConcurrency: 8,
      async cacheRead(read) {
        if (refused < 8) {
          refused += 1;
          throw new Failure('StoreThrottled', '429');
        }
        reading += 1;
        await released;
        return read();
      },
    });
    // Nobody stays away for long.
    clock.sleep = turnOfLoop;
    for (let index = 0; index < 8; index += 1) {
      talk(`s${index}`, ['t']);
      lanes.accept(held(`s${index}`, 't'), done);
    }
    for (let turns = 0; turns < 50; turns += 1) await turnOfLoop();
    expect(reading).toBe(4);
    release();
    await expect.poll(() => settled.length).toBe(8);
  });

  test('a conversation that is throttled stays away as long as the store says', async () => {
    let refused = false;
    const { lanes, talk, held, kinds, clock } = setUp({
      cacheRead(read) {
        if (refused) return read();
        refused = true;
        throw new Failure('StoreThrottled', '429', { retryAfterMs: 12_345 });
      },
    });
    const slept: number[] = [];
    clock.sleep = async (ms) => {
      slept.push(ms);
      await new Promise((resolve) => setImmediate(resolve));
    };
    talk('s', ['t1']);
    lanes.accept(held('s', 't1'), done);
    await expect.poll(kinds).toEqual(['t1 complete']);
    expect(slept).toContain(12_345);
  });

  test('a turn that never shows is waited for, then dead-lettered; one that shows late is complete', async () => {
    const { lanes, talk, held, settled, kinds } = setUp({ turnWaitMs: 600 });
    talk('s', ['t1']);
    lanes.accept(held('s', 'late'), done);
    lanes.accept(held('s', 'never'), done);
    lanes.accept(held('gone', 'lost'), done);
    talk('s', ['t1', 'late']);
    await expect.poll(kinds).toEqual(['late complete', 'lost dead-letter', 'never dead-letter']);
    expect(settled.find(({ turn }) => turn === 'never')!.settlement).toMatchObject({
      reason: 'TurnNotFound',
    });
    expect(settled.find(({ turn }) => turn === 'lost')!.settlement).toMatchObject({
      reason: 'ConversationNotFound',
    });
  });

  test('an outage is no part of the time in which a turn may show', async () => {
    let away = true;
    const { lanes, talk, held, kinds, calls } = setUp({
      turnWaitMs: 400,
      cacheRead: (read) => (away ? Promise.reject(new Failure('CacheUnavailable', 'refused')) : read()),
    });
    talk('s', ['t1']);
    const startedMs = Date.now();
    lanes.accept(held('s', 'late'), done);
    await expect.poll(() => Date.now() - startedMs).toBeGreaterThan(500); // longer than the wait
    away = false;
    await expect.poll(() => calls.cacheReads).toBeGreaterThan(0);
    talk('s', ['t1', 'late']);
    await expect.poll(kinds).toEqual(['late complete']);
  });

  test('an error that no rule knows ends the process at once, and its events are handed back', async () => {
    const { lanes, talk, held, kinds, fatal } = setUp({
      cacheRead: () => Promise.reject(new TypeError('a bug')),
    });
    talk('s', ['t1']);
    lanes.accept(held('s', 't1'), done);
    await expect.poll(() => fatal).toEqual([expect.any(TypeError)]);
    expect(await lanes.drain(60_000)).toEqual({ abandoned: 0 });
    expect(kinds()).toEqual(['t1 abandon']);
  });

  test('bad input is dead-lettered and does not stop the good input beside it', async () => {
    const { lanes, talk, held, settled } = setUp();
    talk('s', ['t1']);
    lanes.accept(held('s', 'bad', { body: '{broken' }), done);
    lanes.accept(held('s', 't1'), done);
    await expect.poll(() => settled.length).toBe(2);
    expect(settled[0]!.settlement).toMatchObject({ kind: 'dead-letter', reason: 'InvalidEvent' });
  });

  test('an event whose lock is lost is not settled', async () => {
    const { lanes, held, settled } = setUp();
    let freed = 0;
    lanes.accept(
      held('gone', 't1', {
        lock: { lockedUntilMs: Date.now() + 50, renew: () => Promise.reject(new Error('lost')) },
      }),
      () => {
        freed += 1;
      },
    );
    await expect.poll(() => freed).toBe(1);
    expect(settled).toEqual([]);
    expect(lanes.inHand).toBe(0);
  });

  test('one whose lock is lost while it is worked on is neither written nor settled', async () => {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { lanes, talk, held, kinds, items } = setUp({ cacheRead: (read) => released.then(read) });
    talk('lost', ['t1']);
    talk('kept', ['t2']);
    const lock = { lockedUntilMs: Date.now() + 50, renew: () => Promise.reject(new Error('lost')) };
    lanes.accept(held('lost', 't1', { lock }), done);
    lanes.accept(held('kept', 't2'), done);
    await expect.poll(() => lanes.inHand).toBe(1);
    release();
    await expect.poll(kinds).toEqual(['t2 complete']);
    expect([...items.keys()]).toEqual(['u\nkept']);
  });

  test('draining finishes what was begun and hands back the rest', async () => {
    let open = (): void => undefined;
    let begun = false;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { lanes, talk, held, kinds } = setUp({
      maxConcurrency: 1,
      cacheRead: (read) => {
        begun = true;
        return gate.then(read);
      },
    });
    talk('a', ['t1']);
    talk('b', ['t2']);
    lanes.accept(held('a', 't1'), done);
    lanes.accept(held('b', 't2'), done);
    await expect.poll(() => begun).toBe(true);
    const drained = lanes.drain(5_000);
    open();
    expect(await drained).toEqual({ abandoned: 0 });
    expect(kinds()).toEqual(['t1 complete', 't2 abandon']);
  });
});

describe('the consumer', () => {
  test.each([
    ['one event a receive', 8, 1],
    ['several events a receive, never more than its share', 2, 2],
    ['as many as there may be', 1, 5],
  ])(
    'never holds more than its bound, and keeps on receiving after failures: %s',
    async (_, parallelReceives, share) => {
      let together = 0;
      const { lanes, gates, talk, held, settled, clock } = setUp();
      let receives = 0;
      let sent = 0;
      let most = 0;
      let holding = 0;
      const source: EventSource = {
        parallelReceives,
        mostAtOnce: 8,
        async receive(_, asked) {
          receives += 1;
          if (receives === 4) throw new Error('the link is gone');
          if (sent >= 60) {
            await clock.sleep(5);
            return [];
          }
          together = Math.max(together, asked);
          return Array.from({ length: Math.min(asked, 60 - sent) }, () => {
            sent += 1;
            holding += 1;
            most = Math.max(most, holding);
            talk(`s${sent}`, ['t']);
            const event = held(`s${sent}`, 't');
            const { settle } = event;
            event.settle = async (settlement) => {
              holding -= 1;
              await settle(settlement);
            };
            return event;
          });
        },
        async probe() {},
        reconnect() {},
        async close() {},
      };
      const consumer = startConsumer(source, lanes, gates, 5, clock);
      await expect.poll(() => settled.length).toBe(60);
      await consumer.stop();
      expect(most).toBeLessThanOrEqual(5);
      expect(together).toBe(share);
    },
  );
});
