/** Time, so that tests can bring their own. */
export type Clock = { now(): number; after(ms: number, run: () => void): () => void };

export const systemClock: Clock = {
  now: Date.now,
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * One timer for everything in an entity that has a time (locks, expiry, schedules), instead of one a message.
 * @param run does what is due and returns when it wants to run next (Infinity: never)
 */
export function makeWakeUp(clock: Clock, run: () => number) {
  let armedFor = Number.POSITIVE_INFINITY;
  let cancel = () => {};
  const by = (time: number): void => {
    if (time >= armedFor) return;
    cancel();
    armedFor = time;
    cancel = clock.after(Math.min(LONGEST_TIMER_MS, Math.max(1, Math.ceil(time - clock.now()))), () => {
      armedFor = Number.POSITIVE_INFINITY;
      by(run());
    });
  };
  return {
    /** Wakes up at this time at the latest. */
    by,
    stop(): void {
      cancel();
      armedFor = Number.NEGATIVE_INFINITY;
    },
  };
}
