import { withoutTokens } from './quoted-tokens.ts';

/**
 * The Service Bus client throws the errors of all its attempts as one, which says nothing itself: the last of them does.
 * What it quotes of a token is taken out of its message, which is told on.
 */
export function lastOf(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return lastOf(error.errors.at(-1));
  if (error instanceof Error) {
    const told = withoutTokens(error.message);
    if (told !== error.message) error.message = told;
  }
  return error;
}
