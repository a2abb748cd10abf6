/** A call took longer than we allow. The clients' own time-outs do not hold (a hung Redis, Cosmos DB's 120 retries). */
export class DeadlineError extends Error {
  override name = 'DeadlineError';
}

/**
 * Runs a call under a deadline of ours. The call gets a signal that aborts it where its client can; where it cannot,
 * its late answer is ignored.
 * @throws DeadlineError
 */
export async function withDeadline<T>(
  ms: number,
  what: string,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new DeadlineError(`${what} did not answer within ${ms} ms`));
      controller.abort();
    }, ms);
  });
  try {
    return await Promise.race([call(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
