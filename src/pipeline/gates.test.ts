import { describe, expect, test } from 'vitest';
import { Failure } from './failures.ts';
import { makeGates } from './gates.ts';
import { memoryPorts } from './memory-ports.ts';
import { makeTitleGate } from './title-gate.ts';

/** Gates over services whose probes the test answers, on a clock that the test moves. */
function setUp() {
  const { log } = memoryPorts();
  let nowMs = 0;
  let sleepers: { untilMs: number; wake: () => void }[] = [];
  const clock = {
    now: () => nowMs,
    random: () => 1,
    sleep: (ms: number, signal?: AbortSignal) =>
      new Promise<void>((wake) => {
        sleepers.push({ untilMs: nowMs + ms, wake });
        signal?.addEventListener('abort', () => wake());
      }),
  };
  const asked: { atMs: number; answer: () => void; fail: () => void }[] = [];
  const probe = () =>
    new Promise<void>((resolve, reject) => {
      asked.push({ atMs: nowMs, answer: resolve, fail: () => reject(new Error('still away')) });
    });
  const never = () => new Promise<void>(() => undefined);
  const gates = makeGates({ 'service-bus': never, redis: probe, cosmos: never }, clock, log);
  const settleDown = () => new Promise((resolve) => setImmediate(resolve));
  return {
    clock,
    log,
    gates,
    asked,
    settleDown,
    redis: gates.states.find(({ dependency }) => dependency === 'redis')!,
    async pass(ms: number): Promise<void> {
      for (const endMs = nowMs + ms; nowMs < endMs; ) {
        nowMs += 10;
        const due = sleepers.filter(({ untilMs }) => untilMs <= nowMs);
        sleepers = sleepers.filter(({ untilMs }) => untilMs > nowMs);
        for (const { wake } of due) wake();
        await settleDown();
      }
    },
  };
}
const away = new Failure('CacheUnavailable', 'Redis: refused');

describe('a gate', () => {
  test('stays open for one conversation that fails again and again: its probe is answered', async () => {
    const { gates, redis, asked, pass } = setUp();
    for (let times = 0; times < 10; times += 1) {
      gates.failed('poisoned', away);
      asked.at(-1)?.answer();
      await pass(1_000);
      expect(redis.isOpen).toBe(true);
    }
    expect(asked.length).toBeGreaterThan(1);
  });

  test('closes for one conversation whose probe fails too', async () => {
    const { gates, redis, asked, settleDown } = setUp();
    gates.failed('a', away);
    expect(redis.isOpen).toBe(true);
    asked[0]!.fail();
    await settleDown();
    expect(redis).toMatchObject({ isOpen: false, reason: 'still away' });
  });

  test('closes for a second conversation, unless work succeeded in between: a half-dead service closes nothing', () => {
    const { gates, redis } = setUp();
    for (const conversation of ['a', 'b', 'c', 'd']) {
      gates.failed(conversation, away);
      gates.worked(true);
    }
    expect(redis.isOpen).toBe(true);
    gates.failed('a', away);
    gates.failed('b', away);
    expect(redis).toMatchObject({ isOpen: false, reason: 'Redis: refused' });
  });

  test('is probed at most 5 s apart however long it is closed, also while every probe hangs, and opens at the first answer', async () => {
    const { gates, redis, asked, pass } = setUp();
    gates.failed('a', away);
    gates.failed('b', away);
    await pass(3_600_000 / 100);
    const begun = asked.length;
    expect(begun).toBeGreaterThan(4);
    asked[0]!.fail();
    await pass(5_000);
    expect(asked.length).toBeGreaterThan(begun);
    asked.at(-1)!.answer();
    await pass(10);
    expect(redis.isOpen).toBe(true);
    // Those that were asked before, and hung, say nothing of now.
    for (const { fail } of asked.slice(1, -1)) fail();
    await pass(10);
    expect(redis.isOpen).toBe(true);
  });

  test('that opens for probes and fails for work is probed less and less often', async () => {
    const { gates, asked, pass } = setUp();
    for (let answered = 0; asked.length < 12; ) {
      gates.failed('a', away);
      gates.failed('b', away);
      await pass(10);
      while (answered < asked.length) asked[answered++]!.answer();
      await pass(10);
    }
    expect(asked.at(-1)!.atMs - asked.at(-2)!.atMs).toBeGreaterThan(1_000);
  });

  test('lets those who wait for it go on at once when it opens', async () => {
    const { gates, asked, pass } = setUp();
    gates.failed('a', away);
    gates.failed('b', away);
    const signal = new AbortController().signal;
    let waited = 0;
    for (const ms of [10, 60_000]) void gates.patience(ms, signal).then(() => waited++);
    await pass(2_000);
    expect(waited).toBe(0);
    asked.at(-1)!.answer();
    await pass(10);
    expect(waited).toBe(2);
  });

  test('a failure that is no service’s closes nothing', () => {
    const { gates } = setUp();
    for (const conversation of ['a', 'b', 'c']) {
      gates.failed(conversation, new Failure('StoreThrottled', '429'));
      gates.failed(conversation, new Failure('WriteContended', 'contended'));
    }
    expect(gates.states.every(({ isOpen }) => isOpen)).toBe(true);
  });
});

describe('the gate of the title model', () => {
  test('lets a trial through now and then while it is closed, and opens when one succeeds', async () => {
    const { clock, log, pass } = setUp();
    const gate = makeTitleGate(clock, log);
    gate.failed('a', 'away');
    expect(gate.admits()).toBe(true);
    gate.failed('b', 'away');
    expect(gate.admits()).toBe(false);
    await pass(5_000);
    expect([gate.admits(), gate.admits()]).toEqual([true, false]);
    gate.succeeded();
    expect([gate.admits(), gate.admits()]).toEqual([true, true]);
  });
});
