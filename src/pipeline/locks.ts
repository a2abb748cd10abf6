import { Failure } from './failures.ts';
import type { Clock, HeldEvent, Lock, Log } from './ports.ts';
import type { EventWatch } from './watch.ts';

export type LockKeeper = {
  keep(held: HeldEvent, onLost: () => void, watch: EventWatch): void;
  release(held: HeldEvent): void;
  close(): void;
};

/** A lock is renewed when less than this share of its time is left. */
const RENEW_AT_REMAINING = 0.5;
/** Nor later than this: where the clocks differ by minutes a lock may seem to hold longer than it does. */
const RENEW_AFTER_MS = 10_000;
const TICK_MS = 500;

/**
 * Renews the locks of all held events, with one timer for all of them; a lock that several events share (a session's)
 * once for all. A failed renewal is tried again at the next tick as long as the lock lives; a lock that ran out is reported
 * once to each of its events and forgotten.
 */
export function makeLockKeeper(clock: Clock, log: Log): LockKeeper {
  type Owner = { onLost: () => void; watch: EventWatch };
  type Kept = { renewAtMs: number; renewing: boolean; owners: Map<HeldEvent, Owner> };
  const kept = new Map<Lock, Kept>();
  const closing = new AbortController();
  let ticking = false;

  const renewalTime = (lock: Lock): number => {
    const now = clock.now();
    return now + Math.min(RENEW_AFTER_MS, (lock.lockedUntilMs - now) * RENEW_AT_REMAINING);
  };

  function lose(lock: Lock, { owners }: Kept): void {
    if (!kept.delete(lock)) return;
    for (const { onLost } of [...owners.values()]) onLost();
  }

  async function renew(lock: Lock, entry: Kept): Promise<void> {
    entry.renewing = true;
    const [first, ...others] = [...entry.owners.values()].map(({ watch }) => watch);
    await first!.run('renew', () => renewWatched(lock, entry), others);
  }

  async function renewWatched(lock: Lock, entry: Kept): Promise<void> {
    try {
      lock.lockedUntilMs = await lock.renew();
      entry.renewAtMs = renewalTime(lock);
    } catch (error) {
      log.debug({ locks: entry.owners.size, reason: (error as Error).message }, 'a lock renewal failed');
      if (error instanceof Failure && error.code === 'LockLost') lose(lock, entry);
    } finally {
      entry.renewing = false;
    }
  }

  async function tick(): Promise<void> {
    ticking = true;
    while (kept.size > 0 && !closing.signal.aborted) {
      await clock.sleep(TICK_MS, closing.signal);
      const now = clock.now();
      for (const [lock, entry] of kept) {
        if (now >= lock.lockedUntilMs) lose(lock, entry);
        else if (now >= entry.renewAtMs && !entry.renewing) void renew(lock, entry);
      }
    }
    ticking = false;
  }

  return {
    keep(held, onLost, watch) {
      const { lock } = held;
      let entry = kept.get(lock);
      if (!entry) {
        entry = { renewAtMs: renewalTime(lock), renewing: false, owners: new Map() };
        kept.set(lock, entry);
      }
      entry.owners.set(held, { onLost, watch });
      if (!ticking) void tick();
    },
    release(held) {
      const entry = kept.get(held.lock);
      entry?.owners.delete(held);
      if (entry?.owners.size === 0) kept.delete(held.lock);
    },
    close: () => closing.abort(),
  };
}
