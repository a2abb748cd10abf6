import { makeTimers } from './timers.ts';

export type VirtualClock = {
  readonly nowMs: number;
  after(ms: number, act: () => void): void;
  /**
   * Lets time pass until `isOver`, asked before each step. Answers false if it was not by `limitMs`, or nothing is left to come.
   * @throws Error when so much happens that it can only be a loop
   */
  pass(isOver: () => boolean, limitMs: number): Promise<boolean>;
};

/** Node runs all microtasks between two immediates; so many of them a turn of its loop spare it the look for I/O at each. */
const STEPS_A_TURN = 128;

/** Ten times what an outage of an hour takes. */
const MOST_STEPS = 500_000;

/** Time that passes only from timer to timer: one is fired, all that follows from it happens, then the next. */
export function makeVirtualClock(startMs: number): VirtualClock {
  const timers = makeTimers();
  let nowMs = startMs;
  let order = 0;
  let steps = 0;
  return {
    get nowMs() {
      return nowMs;
    },
    after(ms, act) {
      order += 1;
      timers.add({ atMs: nowMs + Math.max(0, ms), order, fire: act });
    },
    pass(isOver, limitMs) {
      return new Promise((resolve, reject) => {
        let ended = false;
        let queued = 0;
        const end = (wasOver: boolean): void => {
          ended = true;
          resolve(wasOver);
        };
        function act(): void {
          if (isOver()) return void end(true);
          steps += 1;
          if (steps > MOST_STEPS) throw new Error(`${MOST_STEPS} steps, and it is not over`);
          const timer = timers.next();
          if (!timer) return void end(false);
          if (timer.atMs > limitMs) {
            timers.add(timer);
            return void end(false);
          }
          nowMs = timer.atMs;
          timer.fire();
        }
        function step(): void {
          queued -= 1;
          if (ended) return;
          try {
            act();
          } catch (error) {
            ended = true;
            return void reject(error);
          }
          if (queued === 0 && !ended) queue();
        }
        function queue(): void {
          for (queued = 0; queued < STEPS_A_TURN; queued += 1) setImmediate(step);
        }
        queue();
      });
    },
  };
}
