import { expect, test } from 'vitest';
import { makeSlots } from './slots.ts';
import { makeThrottle } from './throttle.ts';

function setUp(most: number) {
  const time = { now: 0 };
  const slots = makeSlots(most);
  return { time, slots, throttle: makeThrottle(slots, { now: () => time.now }) };
}

test('one refusal is its conversation’s own; a second within a second halves the limit, once for the burst', () => {
  const { time, slots, throttle } = setUp(8);
  throttle.throttled(1);
  expect(slots.limit).toBe(8);
  time.now += 2_000;
  throttle.throttled(1);
  expect(slots.limit).toBe(8);
  time.now += 1_000;
  for (let refusals = 0; refusals < 5; refusals += 1) throttle.throttled(1);
  expect(slots.limit).toBe(4);
  time.now += 1_000;
  throttle.throttled(1);
  expect(slots.limit).toBe(2);
});

test('a conversation that is refused again lowers it, down to one', () => {
  const { time, slots, throttle } = setUp(4);
  for (const limit of [2, 1, 1]) {
    time.now += 10_000;
    throttle.throttled(2);
    expect(slots.limit).toBe(limit);
  }
});

test('what succeeds regains it one by one, and no more than there was', () => {
  const { slots, throttle } = setUp(4);
  throttle.throttled(2);
  const limits = Array.from({ length: 8 }, () => {
    throttle.worked();
    return slots.limit;
  });
  expect(limits).toEqual([2, 2, 3, 3, 3, 4, 4, 4]);
});
