import { setTimeout as sleep } from 'node:timers/promises';

export type Absence = {
  /** Away for so long from now on. Resolves when all is back. One that begins during another prolongs it. */
  begin(downMs: number): Promise<void>;
  /** Whether it has left and is not on its way back. */
  isAway(): boolean;
  /** For good: what is away does not come back. */
  end(): void;
};

/**
 * The restart of a service: it leaves, and comes back after a while.
 * @param leave resolves when it is away @param comeBack resolves when it is back
 */
export function makeAbsence(leave: () => Promise<void>, comeBack: () => Promise<void>): Absence {
  let until = 0;
  let ongoing: Promise<void> | undefined;
  let isAway = false;
  let isOver = false;
  async function beAway(): Promise<void> {
    isAway = true;
    await leave();
    for (let left = until - performance.now(); left > 0 && !isOver; left = until - performance.now())
      await sleep(left, undefined, { ref: false });
    isAway = false;
    if (!isOver) await comeBack();
    // Ended while it was about to be back: what end() could not find to stop.
    if (isOver) await leave();
  }
  return {
    begin(downMs) {
      until = Math.max(until, performance.now() + downMs);
      ongoing ??= beAway().finally(() => {
        ongoing = undefined;
      });
      return ongoing;
    },
    isAway: () => isAway,
    end() {
      isOver = true;
    },
  };
}
