import type { Clock } from '../pipeline/ports.ts';

export type Pace = {
  /** Resolves when the next one may begin, or at once when `signal` aborts. */
  next(signal: AbortSignal): Promise<void>;
  /** Nothing more begins for so long. */
  hold(ms: number): void;
};

/** A bound on how many begin a second, evenly: a pause is not made up for by a burst. */
export function makePace(perSecond: number, clock: Pick<Clock, 'now' | 'sleep'>): Pace {
  const everyMs = 1_000 / perSecond;
  let freeAtMs = Number.NEGATIVE_INFINITY;
  return {
    async next(signal) {
      for (;;) {
        const now = clock.now();
        if (signal.aborted) return;
        if (freeAtMs <= now) {
          // A timer that was late does not lower the rate.
          freeAtMs = Math.max(freeAtMs, now - everyMs) + everyMs;
          return;
        }
        await clock.sleep(freeAtMs - now, signal);
      }
    },
    hold(ms) {
      freeAtMs = Math.max(freeAtMs, clock.now() + ms);
    },
  };
}
