/** The Service Bus client throws the errors of all its attempts as one, which says nothing itself: the last of them does. */
export function lastOf(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? lastOf(error.errors.at(-1)) : error;
}
