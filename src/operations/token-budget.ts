import { MAX_COMPLETION_TOKENS } from '../azure/chat-completions.ts';
import { type CallFacts, unwatched, type Watch } from '../pipeline/watch.ts';

export type TokenBudget = {
  /** Whether a request that may cost so much can begin: then it is counted until `settle`. */
  reserve(tokens: number): boolean;
  settle(tokens: number): void;
  /** What the model says it has used, and the most that those may have used of which it has said nothing. */
  readonly spent: number;
  /** Requests that were sent and not answered, or answered without a word on what they have used. */
  readonly untold: number;
  /** Of what is under way. */
  readonly reserved: number;
  /** To be handed to the model's adapter, which tells it what each request has used. */
  readonly watch: Watch;
};

/** The most that a question of so many bytes and its answer may cost: fewer than two bytes a token are rare in any language. */
export const mostTokens = (bytes: number): number => Math.ceil(bytes / 2) + MAX_COMPLETION_TOKENS;

/** Bounds what the title model may use: what is under way counts with the most that it may cost. */
export function makeTokenBudget(limit: number): TokenBudget {
  let spent = 0;
  let reserved = 0;
  let untold = 0;

  async function call<T>(work: (note: (facts: CallFacts) => void) => Promise<T>): Promise<T> {
    /** Of the attempt under way, until its cost is known. */
    let most = 0;
    let isOver = false;
    // One that nobody waits for any more is worked on, and paid for, all the same.
    const giveUp = (): void => {
      if (most > 0) untold += 1;
      spent += most;
      most = 0;
    };
    const note = ({ asked, status, inputTokens, outputTokens }: CallFacts): void => {
      if (isOver) return;
      const isRefused = asked === 0 || (typeof status === 'number' && status >= 400);
      const isTold = inputTokens !== undefined || outputTokens !== undefined;
      if (isRefused || isTold) most = 0;
      spent += (inputTokens ?? 0) + (outputTokens ?? 0);
      if (!asked) return;
      giveUp();
      most = mostTokens(asked);
    };
    try {
      return await work(note);
    } finally {
      giveUp();
      isOver = true;
    }
  }

  return {
    reserve(tokens) {
      if (spent + reserved + tokens > limit) return false;
      reserved += tokens;
      return true;
    },
    settle(tokens) {
      reserved -= tokens;
    },
    get spent() {
      return spent;
    },
    get untold() {
      return untold;
    },
    get reserved() {
      return reserved;
    },
    watch: { ...unwatched, call: (_service, _operation, work) => call(work) },
  };
}
