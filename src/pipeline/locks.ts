import { Failure } from './failures.ts';
import type { Clock, HeldEvent, Log } from './ports.ts';

export type LockKeeper = {
  keep(held: HeldEvent, onLost: () => void): void;
  release(held: HeldEvent): void;
  close(): void;
};

/** A lock is renewed when less than this share of its time is left. */
const RENEW_AT_REMAINING = 0.5;
const TICK_MS = 500;

/**
 * Renews the locks of all held events, with one timer for all of them. A failed renewal is tried again at the next tick
 * as long as the lock lives; a lock that ran out is reported once and forgotten.
 */
export function makeLockKeeper(clock: Clock, log: Log): LockKeeper {
  type Kept = { renewAtMs: number; renewing: boolean; onLost: () => void };
  const kept = new Map<HeldEvent, Kept>();

  const renewalTime = (held: HeldEvent): number => {
    const now = clock.now();
    return now + (held.lockedUntilMs - now) * RENEW_AT_REMAINING;
  };

  function lose(held: HeldEvent, entry: Kept): void {
    if (kept.delete(held)) entry.onLost();
  }

  async function renew(held: HeldEvent, entry: Kept): Promise<void> {
    entry.renewing = true;
    try {
      held.lockedUntilMs = await held.renew();
      entry.renewAtMs = renewalTime(held);
    } catch (error) {
      if (error instanceof Failure && error.code === 'LockLost') lose(held, entry);
      log.debug({ messageId: held.messageId, reason: (error as Error).message }, 'a lock renewal failed');
    } finally {
      entry.renewing = false;
    }
  }

  const timer = setInterval(() => {
    const now = clock.now();
    for (const [held, entry] of kept) {
      if (now >= held.lockedUntilMs) lose(held, entry);
      else if (now >= entry.renewAtMs && !entry.renewing) void renew(held, entry);
    }
  }, TICK_MS);
  timer.unref();

  return {
    keep: (held, onLost) => void kept.set(held, { renewAtMs: renewalTime(held), renewing: false, onLost }),
    release: (held) => void kept.delete(held),
    close: () => clearInterval(timer),
  };
}
