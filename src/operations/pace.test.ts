import { expect, test } from 'vitest';
import { makePace } from './pace.ts';

/** A clock that only sleeping moves. */
function stillClock() {
  let nowMs = 0;
  return {
    now: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms;
    },
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}
const nobody = new AbortController().signal;

test('so many begin a second, evenly, and a pause is made up for by one at most', async () => {
  const clock = stillClock();
  const pace = makePace(10, clock);
  const begun: number[] = [];
  const begin = async (): Promise<void> => {
    await pace.next(nobody);
    begun.push(clock.now());
  };
  for (let n = 0; n < 4; n += 1) await begin();
  expect(begun).toEqual([0, 0, 100, 200]);
  clock.pass(5_000);
  for (let n = 0; n < 4; n += 1) await begin();
  expect(begun.slice(4)).toEqual([5_200, 5_200, 5_300, 5_400]);
});

test('nothing begins while it is held, and whoever is told to end does not wait', async () => {
  const clock = stillClock();
  const pace = makePace(10, clock);
  pace.hold(2_000);
  await pace.next(nobody);
  expect(clock.now()).toBe(2_000);
  await pace.next(AbortSignal.abort());
  expect(clock.now()).toBe(2_000);
});
