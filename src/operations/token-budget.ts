import { type CallFacts, unwatched, type Watch } from '../pipeline/watch.ts';

export type TokenBudget = {
  /** Whether a request that may cost so much can begin: then it is counted until `settle`. */
  reserve(tokens: number): boolean;
  settle(tokens: number): void;
  /** What the model says it has used. */
  readonly spent: number;
  /** Of what is under way. */
  readonly reserved: number;
  /** To be handed to the model's adapter, which tells it what each request has used. */
  readonly watch: Watch;
};

/** Bounds what the title model may use: what is under way counts with the most that it may cost. */
export function makeTokenBudget(limit: number): TokenBudget {
  let spent = 0;
  let reserved = 0;
  const used = ({ inputTokens = 0, outputTokens = 0 }: CallFacts): void => {
    spent += inputTokens + outputTokens;
  };
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
    get reserved() {
      return reserved;
    },
    watch: { ...unwatched, call: (_service, _operation, work) => work(used) },
  };
}
