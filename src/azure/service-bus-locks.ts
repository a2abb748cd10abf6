/** Service Bus allows no longer lock, and no shorter one. */
const LONGEST_LOCK_MS = 300_000;
const SHORTEST_LOCK_MS = 5_000;

/** Until when a lock holds by this machine's clock, given the broker's times of it. */
export type LockTimes = (lockedUntil: Date | undefined, enqueued?: Date) => number;

/**
 * This machine's clock may differ from the broker's. So a lock is taken to last at most as long as messages have shown (from
 * enqueued to locked-until, both the broker's times), and never to be over already: a clock that is behind does not
 * renew too late, and one that is ahead renews early instead of losing every lock.
 */
export function makeLockTimes(now: () => number = Date.now): LockTimes {
  let lockMs = LONGEST_LOCK_MS;
  return (lockedUntil, enqueued) => {
    if (lockedUntil === undefined) return now() + Math.min(lockMs, SHORTEST_LOCK_MS);
    if (enqueued) lockMs = Math.min(lockMs, Math.max(1_000, lockedUntil.getTime() - enqueued.getTime()));
    return now() + Math.min(lockMs, Math.max(lockedUntil.getTime() - now(), SHORTEST_LOCK_MS));
  };
}
