/** How a link is to ask next: for so many, and for how long. */
export type Ask = { count: number; waitMs: number };
export type Pace = {
  ask(most: number, idleWaitMs: number): Ask;
  /** What came of it. */
  came(asked: Ask, brought: number, tookMs: number): void;
};

/** A receive that has brought what it asked for within this has not waited for it, but for the broker's answer. */
const AT_ONCE_MS = 50;
/** So many receives, one after another, show that events wait: a few that happen to come together do not. */
const IN_A_ROW = 8;
/**
 * As long as the answer of a broker in the same region takes. What is there comes within this; for the rest the client drains its credit
 * then, which it gives 200 ms before it closes the link: not what is to happen with each receive of a busy process.
 */
const WAIT_MS = 20;

/**
 * The client waits behind the first message for up to a second for as many as it was asked for. So a link asks for one, and waits; but
 * where events wait, and each receive brings at once what it asked for, it asks for several, of what is there. The first receive that
 * brings less ends that.
 */
export function makePace(): Pace {
  let inARow = 0;
  return {
    ask: (most, idleWaitMs) =>
      inARow < IN_A_ROW || most === 1 ? { count: 1, waitMs: idleWaitMs } : { count: most, waitMs: WAIT_MS },
    came({ count }, brought, tookMs) {
      inARow = brought >= count && tookMs <= AT_ONCE_MS ? inARow + 1 : 0;
    },
  };
}
