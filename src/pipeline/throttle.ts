import type { Slots } from './slots.ts';

export type Throttle = {
  /** A conversation was throttled, for the so-manyth time in a row. */
  throttled(times: number): void;
  worked(): void;
};

/** One burst of refusals is one reason to slow down. */
const BURST_MS = 1_000;

/**
 * How many conversations are worked on at a time under Cosmos DB's 429s. One of them delays its own conversation only; when
 * it comes back, or another one comes within a second, the limit is halved, and regained one by one as work succeeds.
 */
export function makeThrottle(slots: Slots, clock: { now(): number }): Throttle {
  const most = slots.limit;
  let allowed = most;
  let lastMs = Number.NEGATIVE_INFINITY;
  let loweredMs = Number.NEGATIVE_INFINITY;
  return {
    throttled(times) {
      const now = clock.now();
      const again = times > 1 || now - lastMs <= BURST_MS;
      lastMs = now;
      if (!again || now - loweredMs < BURST_MS) return;
      loweredMs = now;
      allowed = Math.max(1, Math.floor(allowed / 2));
      slots.limit = allowed;
    },
    worked() {
      if (allowed >= most) return;
      allowed = Math.min(most, allowed + 1 / allowed);
      slots.limit = Math.floor(allowed);
    },
  };
}
