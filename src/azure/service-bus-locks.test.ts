import { describe, expect, test } from 'vitest';
import { makeLockTimes } from './service-bus-locks.ts';

const BROKER_MS = Date.UTC(2026, 2, 1, 10);
const MINUTE_MS = 60_000;

/** What this machine's clock says is so far ahead of the broker's. Locks last a minute. */
function withClockAhead(aheadMs: number) {
  let brokerMs = BROKER_MS;
  const lockTimes = makeLockTimes(() => brokerMs + aheadMs);
  return {
    /** A message that waited so long; answers how long its lock is believed to hold from now on. */
    believes(waitedMs: number): number {
      const untilMs = lockTimes(new Date(brokerMs + MINUTE_MS), new Date(brokerMs - waitedMs));
      return untilMs - (brokerMs + aheadMs);
    },
    renewalBelieves(): number {
      brokerMs += 10_000;
      return lockTimes(new Date(brokerMs + MINUTE_MS)) - (brokerMs + aheadMs);
    },
  };
}

describe('how long a lock is believed to hold', () => {
  test('is what the broker says, where the clocks agree', () => {
    const { believes, renewalBelieves } = withClockAhead(0);
    expect(believes(3_600_000)).toBe(MINUTE_MS);
    expect(renewalBelieves()).toBe(MINUTE_MS);
  });

  test.each([1, 10, 600])('is short but not over, where this clock is %i minutes ahead', (minutes) => {
    const { believes, renewalBelieves } = withClockAhead(minutes * MINUTE_MS);
    for (const believed of [believes(100), renewalBelieves()]) {
      expect(believed).toBeGreaterThanOrEqual(5_000);
      expect(believed).toBeLessThanOrEqual(MINUTE_MS);
    }
  });

  test.each([1, 10, 600])('is no longer than it is, where this clock is %i minutes behind', (minutes) => {
    const { believes, renewalBelieves } = withClockAhead(-minutes * MINUTE_MS);
    expect(believes(50)).toBeLessThanOrEqual(MINUTE_MS + 50);
    expect(renewalBelieves()).toBeLessThanOrEqual(MINUTE_MS + 50);
    expect(believes(3_600_000)).toBeLessThanOrEqual(MINUTE_MS + 50);
  });

  test('is never believed to be more than Service Bus allows, whatever a backlog shows', () => {
    expect(withClockAhead(-600 * MINUTE_MS).believes(3_600_000)).toBe(300_000);
  });

  test('is known to one source and not to another', () => {
    withClockAhead(-10 * MINUTE_MS).believes(50);
    expect(withClockAhead(-10 * MINUTE_MS).believes(3_600_000)).toBe(300_000);
  });
});
