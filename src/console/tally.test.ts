import { expect, test } from 'vitest';
import type { HeldEvent } from '../pipeline/ports.ts';
import { makeTally } from './tally.ts';

const held = (deliveryCount = 0) => ({ deliveryCount }) as HeldEvent;

test('each event is counted once for what became of it, and only what is new is taken', () => {
  let nowMs = 0;
  const tally = makeTally(12, () => nowMs);
  const events = [held(), held(), held(2), held()].map((one) => tally.watch.received(one, {}));
  nowMs = 20;
  for (const event of events.slice(0, 2)) {
    event.durable();
    event.durable();
    event.ended({ kind: 'complete' });
  }
  events[2]!.ended({ kind: 'dead-letter', code: 'InvalidEvent' });
  const first = tally.take();
  expect(first).toMatchObject({
    received: 4,
    redelivered: 1,
    durable: 2,
    completed: 2,
    deadLettered: 1,
    inHand: 1,
  });
  expect(first.p50).toBeGreaterThan(19);
  expect(first.p99).toBeLessThan(21);
  events[3]!.ended({ kind: 'lost', code: 'LockLost' });
  const second = tally.take();
  expect(second).toMatchObject({ received: 0, durable: 0, lost: 1, inHand: 0, p50: null, p99: null });
  expect(second.lastMinute.p50).toBe(first.p50);
});

test('the last minute forgets what is older', () => {
  const tally = makeTally(2, () => 0);
  tally.watch.received(held(), {}).durable();
  expect(tally.take().lastMinute.p50).not.toBeNull();
  expect(tally.take().lastMinute.p50).not.toBeNull();
  expect(tally.take().lastMinute.p50).toBeNull();
});

test('request units, tokens and titles are added up, and what the work returns or throws is handed on', async () => {
  const { watch, take } = makeTally(1);
  const read = watch.call('cosmos', 'read', async (note) => {
    note({ requestUnits: 1.5 });
    note({ status: 200 });
    return 'read';
  });
  expect(await read).toBe('read');
  const failing = watch.call('cosmos', 'create', async (note) => {
    note({ requestUnits: 2, status: 429 });
    throw new Error('throttled');
  });
  await expect(failing).rejects.toThrow('throttled');
  await watch.call('titles', 'chat', async (note) => note({ inputTokens: 100, outputTokens: 5 }));
  await watch.call('redis', 'get', async (note) => note({ bytes: 1 }));
  watch.titled('stored');
  watch.titled('refused');
  expect(take()).toMatchObject({
    requestUnits: 3.5,
    inputTokens: 100,
    outputTokens: 5,
    titles: { stored: 1, refused: 1, overtaken: 0 },
  });
});
