import { expect, test } from 'vitest';
import { Failure } from './failures.ts';
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

test('a lock that is lost by what the broker says is lost at once, for each event under it; another failure is tried again', async () => {
  const clock = clockUntil(60_000);
  const told: string[] = [];
  const locks = makeLockKeeper(clock, silent);
  let renewals = 0;
  const renewing = (failure: Failure) => ({
    lockedUntilMs: 30_000,
    renew: async () => {
      renewals += 1;
      throw failure;
    },
  });
  const gone = renewing(new Failure('LockLost', 'gone'));
  const away = renewing(new Failure('SettlementFailed', 'away'));
  for (const [name, lock] of [
    ['gone', gone],
    ['gone too', gone],
    ['away', away],
  ] as const) {
    const held = heldUnder(lock);
    locks.keep(held, () => void told.push(`${name} ${clock.now()}`), unwatched.received(held, {}));
  }
  await expect.poll(() => told.length).toBe(3);
  locks.close();
  expect(told).toEqual(['gone 10500', 'gone too 10500', 'away 30000']);
  expect(renewals).toBeGreaterThan(3);
});
