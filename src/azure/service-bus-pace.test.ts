import { expect, test } from 'vitest';
import { makePace } from './service-bus-pace.ts';

const IDLE_MS = 1_000;
/** Receives that bring all they ask for in so many milliseconds; how many each asked for. */
function receiving(pace = makePace()) {
  const receive = (tookMs: number, most = 8, brought?: number): number => {
    const ask = pace.ask(most, IDLE_MS);
    pace.came(ask, brought ?? ask.count, tookMs);
    return ask.count;
  };
  const receives = (times: number, tookMs: number): number[] =>
    Array.from({ length: times }, () => receive(tookMs));
  return { pace, receive, receives };
}

test('events that come now and then are asked for one by one, however long: none waits for another', () => {
  const { pace, receives } = receiving();
  expect(new Set(receives(100, 160))).toEqual(new Set([1]));
  expect(pace.ask(8, IDLE_MS)).toEqual({ count: 1, waitMs: IDLE_MS });
});

test('where events wait, as many are asked for as may come, of what is there', () => {
  const { pace, receives } = receiving();
  expect(receives(10, 3)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 8, 8]);
  expect(pace.ask(8, IDLE_MS).waitMs).toBe(20);
});

test('the first receive that brings less, or none, is the last of them', () => {
  for (const brought of [0, 7]) {
    const { receive, receives } = receiving();
    receives(9, 3);
    expect(receive(3, 8, brought)).toBe(8);
    expect(receive(3)).toBe(1);
  }
});

test('a few that come together are no sign that events wait', () => {
  const { receive, receives } = receiving();
  receives(7, 3);
  receive(400);
  expect(receives(8, 3)).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
});

test('who may take one only asks for one, and waits for it', () => {
  const { pace, receives } = receiving();
  receives(20, 3);
  expect(pace.ask(1, IDLE_MS)).toEqual({ count: 1, waitMs: IDLE_MS });
});
