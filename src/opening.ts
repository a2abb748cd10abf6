import { lastOf } from './azure/last-error.ts';
import { backOff } from './pipeline/back-off.ts';
import { dependencyOf, Failure } from './pipeline/failures.ts';
import type { Clock, Log } from './pipeline/ports.ts';

type OpeningOptions = {
  log: Log;
  clock: Clock;
  signal: AbortSignal;
  /** Told after each attempt in vain, before the next one. */
  onAway?: ((reason: string) => void) | undefined;
};

/**
 * Opens a service, and tries again for as long as it is away or throttles: a worker that starts during an outage goes on by itself
 * when it ends, where a platform would let it wait for minutes after a few exits.
 * @throws what the service refuses for good: there is no such entity or container, or access is denied; or anything, once
 * `signal` has aborted
 */
export async function untilOpened<T>(
  service: string,
  open: () => Promise<T>,
  { log, clock, signal, onAway }: OpeningOptions,
): Promise<T> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await open();
    } catch (error) {
      if (signal.aborted || !isAway(lastOf(error))) throw lastOf(error);
      const { code, name, message } = lastOf(error) as { code?: unknown; name: string; message: string };
      log.warn(
        { code: code ?? name, dependency: service, reason: message || name },
        'a service is not there yet, to be tried again',
      );
      onAway?.(message || name);
      await clock.sleep(backOff(failures, clock), signal);
    }
  }
}

/** Of Service Bus. */
const FOR_GOOD = new Set(['MessagingEntityNotFound', 'UnauthorizedAccess']);

/** A broker that refuses connections is told of by an error without any code: so all is taken for an outage but what is known. */
function isAway(error: unknown): boolean {
  if (error instanceof Failure)
    return error.code !== 'StoreMisconfigured' && dependencyOf(error.code) !== undefined;
  if (error instanceof TypeError || error instanceof ReferenceError) return false;
  return !FOR_GOOD.has(String((error as { code?: unknown }).code));
}
