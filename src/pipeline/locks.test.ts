import { expect, test } from 'vitest';
import { makeLockKeeper } from './locks.ts';
import type { Clock, HeldEvent, Log } from './ports.ts';
import { unwatched } from './watch.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** A clock that moves on as soon as somebody sleeps, up to its end. */
function clockUntil(endMs: number): Clock & { ended: Promise<void> } {
  let nowMs = 0;
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return {
    ended,
    now: () => nowMs,
    random: () => 0.5,
    async sleep(ms) {
      if (nowMs + ms > endMs) {
        end();
        return new Promise(() => undefined);
      }
      nowMs += ms;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

const heldUnder = (lock: HeldEvent['lock']): HeldEvent => ({
  body: {},
  messageId: undefined,
  enqueuedAtMs: undefined,
  lock,
  deliveryCount: 0,
  traceparent: undefined,
  settle: async () => undefined,
});

test('a lock that is believed to hold long is renewed soon all the same, since the clocks may differ by minutes', async () => {
  const clock = clockUntil(120_000);
  let endsAtMs = 30_000;
  let lost = 0;
  // It lasts half a minute; this clock, behind the broker's, makes five minutes of it.
  const lock = {
    lockedUntilMs: 300_000,
    async renew() {
      if (clock.now() >= endsAtMs) lost += 1;
      endsAtMs = clock.now() + 30_000;
      return clock.now() + 300_000;
    },
  };
  const locks = makeLockKeeper(clock, silent);
  const held = heldUnder(lock);
  const onLost = (): void => {
    lost += 1;
  };
  locks.keep(held, onLost, unwatched.received(held, {}));
  await clock.ended;
  locks.close();
  expect(lost).toBe(0);
  expect(endsAtMs).toBeGreaterThan(120_000);
});
