import { describe, expect, test, vi } from 'vitest';
import { Failure } from './failures.ts';
import { makeGates } from './gates.ts';
import { makeLanes } from './lanes.ts';
import { makeLockKeeper } from './locks.ts';
import { heldEvent, memoryPorts } from './memory-ports.ts';
import type { HeldEvent } from './ports.ts';
import { makeRecent } from './recent.ts';
import { makeTitleGate } from './title-gate.ts';
import { makeTitling } from './titling.ts';
import { bothOf, type EventWatch, unwatched, type Watch } from './watch.ts';

/** Writes down what it is told, and what goes on around the work. */
function makeWitness(name = '') {
  const told: string[] = [];
  const names = new Map<EventWatch, string>();
  const say = (text: string): void => void told.push(`${name}${text}`);
  const watch: Watch = {
    received(held, event) {
      const turn = event.chatMessageId ?? 'no event';
      say(`received ${turn} ${held.deliveryCount}`);
      const self: EventWatch = {
        async run(step, work, others = []) {
          say([`begin ${step}`, turn, ...others.map((other) => names.get(other))].join(' '));
          return work().finally(() => say(`end ${step} ${turn}`));
        },
        say: (line) => line(),
        durable: () => say(`durable ${turn}`),
        ended: (outcome) =>
          say(`ended ${turn} ${outcome.kind}${'code' in outcome ? ` ${outcome.code}` : ''}`),
      };
      names.set(self, turn);
      return self;
    },
    async round(events, work) {
      say(['begin round', ...events.map((event) => names.get(event))].join(' '));
      const facts = {};
      return work((known) => Object.assign(facts, known)).finally(() =>
        say(`end round ${JSON.stringify(facts)}`),
      );
    },
    async call(service, operation, work) {
      return work((facts) => say(`${service} ${operation} ${JSON.stringify(facts)}`));
    },
    titled: (result) => say(`titled ${result}`),
  };
  return { watch, told };
}

function setUp(watch: Watch, answer?: () => Promise<string>) {
  const memory = memoryPorts(answer ? { answer } : {});
  const { cache, store, model, clock, log, redis } = memory;
  const fatal: unknown[] = [];
  const gates = makeGates(
    { 'service-bus': cache.probe, redis: cache.probe, cosmos: store.probe },
    clock,
    log,
  );
  const titling = makeTitling({ model, gate: makeTitleGate(clock, log), maxConcurrency: 4, log, watch });
  const lanes = makeLanes({
    ...memory,
    gates,
    titling,
    maxConcurrency: 4,
    keptBytes: 1_000_000,
    turnWaitMs: 0,
    locks: makeLockKeeper(clock, log),
    recent: makeRecent(),
    onFatal: (error) => fatal.push(error),
    watch,
  });
  const talk = (turns: string[], title?: string): void =>
    void redis.set(
      's',
      JSON.stringify({
        sessionId: 's',
        userId: 'u',
        title,
        createdAt: '2026-01-01T00:00:00Z',
        lastActivity: '2026-01-01T00:00:00Z',
        messages: turns.map((turn) => ({ messageId: `${turn}_user`, role: 'user', content: turn })),
      }),
    );
  const held = (turn: string, fields: Partial<HeldEvent> = {}) => heldEvent('s', turn, fields);
  const accept = (...events: HeldEvent[]) =>
    Promise.all(events.map((event) => new Promise<void>((resolve) => lanes.accept(event, resolve))));
  return { ...memory, lanes, talk, held, accept, fatal };
}

describe('who looks on', () => {
  test('sees events from receipt to settlement, and the round that covers them', async () => {
    const { watch, told } = makeWitness();
    const { talk, held, accept } = setUp(watch);
    talk(['a', 'b'], 'Named');
    await accept(held('a', { deliveryCount: 3 }), held('b'));
    await expect.poll(() => told).toContain('end settle b');
    expect(told.map((line) => line.replace(/"bytes":\d+/, '"bytes":…'))).toEqual([
      'received a 3',
      'received b 0',
      'begin round a b',
      'end round {"bytes":…,"segments":0,"messages":2,"write":"create","conflicts":0}',
      'durable a',
      'durable b',
      'begin settle a',
      'begin settle b',
      'ended a complete',
      'ended b complete',
      'end settle a',
      'end settle b',
    ]);
  });

  test('is told of an end once, whatever comes together: a lock that is lost while its event is settled, a dead letter, a body that is none', async () => {
    const { watch, told } = makeWitness();
    const { talk, held, accept } = setUp(watch);
    talk(['a'], 'Named');
    const lock = { lockedUntilMs: Date.now() + 60_000, renew: async () => 0 };
    const settle = async (): Promise<void> => {
      lock.lockedUntilMs = 0;
      await vi.waitUntil(() => told.includes('ended a lost LockLost'), { timeout: 5_000 });
      throw new Failure('LockLost', 'gone');
    };
    const broken = { ...held('broken'), body: 'none' };
    await accept(held('a', { lock, settle }), held('missing'), broken);
    await expect.poll(() => told).toContain('end settle a');
    expect(told.filter((line) => line.startsWith('ended')).sort()).toEqual([
      'ended a lost LockLost',
      'ended missing dead-letter TurnNotFound',
      'ended no event dead-letter InvalidEvent',
    ]);
  });

  test('is told that events were left behind when Service Bus takes no settlement at the end', async () => {
    const { watch, told } = makeWitness();
    const { talk, held, lanes } = setUp(watch);
    talk(['a'], 'Named');
    lanes.accept(held('a', { settle: () => new Promise(() => undefined) }), () => undefined);
    await expect.poll(() => told).toContain('begin settle a');
    await lanes.drain(0);
    expect(told.filter((line) => line.startsWith('ended'))).toEqual(['ended a lost SettlementFailed']);
  });

  test.each([
    ['stored', async () => 'A Fine Title', false],
    ['unusable', async () => '', false],
    ['refused', () => Promise.reject(new Failure('TitleRefused', 'no')), false],
    ['unavailable', () => Promise.reject(new Failure('TitleUnavailable', 'no')), false],
    ['overtaken', async () => 'A Fine Title', true],
  ])('is told once what a title came to: %s', async (result, answer, isOvertaken) => {
    const { watch, told } = makeWitness();
    let items = (): void => undefined;
    const { talk, held, accept, put, store } = setUp(watch, async () => {
      items();
      return answer();
    });
    if (isOvertaken)
      items = () => {
        // Another worker names it while the model thinks.
        const { setTitle } = store;
        store.setTitle = async (ids, title) => {
          put({ ...ids, id: 's', title: 'Theirs', messages: [] } as never);
          return setTitle(ids, title);
        };
      };
    talk(['a']);
    await accept(held('a'));
    expect(told.filter((line) => line.startsWith('titled'))).toEqual([`titled ${result}`]);
  });

  test('sees the renewal of a lock that several events share, as theirs', async () => {
    const { watch, told } = makeWitness();
    let nowMs = 0;
    const clock = {
      now: () => nowMs,
      random: () => 0.5,
      async sleep(ms: number) {
        nowMs += ms;
        await new Promise((resolve) => setImmediate(resolve));
      },
    };
    const locks = makeLockKeeper(clock, memoryPorts().log);
    let renewals = 0;
    const lock = {
      lockedUntilMs: 10_000,
      async renew() {
        renewals += 1;
        return 3_600_000;
      },
    };
    const { held } = setUp(unwatched);
    const event = (turn: string) => {
      const one = held(turn, { lock });
      const { sessionId, userId } = one.body as Record<string, string>;
      const parsed = { sessionId, userId, chatMessageId: turn, completedAt: '', completedAtMs: 0 } as never;
      locks.keep(one, () => undefined, watch.received(one, parsed));
    };
    for (const turn of ['a', 'b', 'c']) event(turn);
    await vi.waitUntil(() => told.includes('end renew a'));
    locks.close();
    expect(told.filter((line) => line.includes('renew')).slice(0, 2)).toEqual([
      'begin renew a b c',
      'end renew a',
    ]);
    expect(renewals).toBeGreaterThan(0);
  });
});

test('two who look on see the same, the one around the other, and what the work brings is handed on', async () => {
  const [one, other] = [makeWitness(), makeWitness()];
  const order: string[] = [];
  const noting = (name: string, { watch }: { watch: Watch }): Watch => ({
    ...watch,
    call: (service, operation, work) => {
      order.push(name);
      return watch.call(service, operation, work);
    },
  });
  const both = bothOf(noting('one', one), noting('other', other));
  const read = both.call('redis', 'get', async (note) => {
    note({ bytes: 3 });
    return 'value';
  });
  expect(await read).toBe('value');
  await expect(both.call('redis', 'get', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(order).toEqual(['one', 'other', 'one', 'other']);
  const { talk, held, accept } = setUp(both);
  talk(['a', 'b'], 'Named');
  await accept(held('a'), held('b'));
  await expect.poll(() => one.told).toContain('end settle b');
  expect(other.told).toEqual(one.told);
});
