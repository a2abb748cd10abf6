import type { Log } from '../pipeline/ports.ts';
import { lastOf } from './last-error.ts';

export type Watch = {
  /** A message has come. */
  came(): void;
  /** None has come although receives are under way: says whether the links are to be taken for dead. Never rejects. */
  isDead(): Promise<boolean>;
};

export type WatchOptions = {
  /** The oldest message of the subscription that this process does not hold, locked by another one or not. */
  oldest(): Promise<{ sequenceNumber?: unknown } | undefined>;
  /** How long nothing must have come. */
  silenceMs: number;
  log: Log;
  now?: () => number;
};

/** After each rebuild that brought nothing the silence may be twice as long: what waits may be locked by another worker. */
const LONGEST_SILENCE_MS = 600_000;

/**
 * Notices links that have gone silent with messages waiting (azure-sdk-for-js issues 14535, 15383, 20081: for days, and the
 * client says that they are open). It needs no rights but to receive: when nothing has come for long, it peeks, and peeks
 * again a third of that time later; if the same message is still the oldest, and was there before, nobody receives it.
 */
export function makeWatch({ oldest, silenceMs, log, now = Date.now }: WatchOptions): Watch {
  let quietSinceMs = now();
  let patienceMs = silenceMs;
  let peeking = false;
  let suspect: { sequence: string; seenAtMs: number } | undefined;

  async function look(): Promise<boolean> {
    const found = await oldest();
    const sequence = found && String(found.sequenceNumber);
    if (sequence === undefined || suspect?.sequence !== sequence) {
      suspect = sequence === undefined ? undefined : { sequence, seenAtMs: now() };
      return false;
    }
    if (now() - quietSinceMs < patienceMs) return false;
    log.warn(
      { code: 'LinkSilent', quietMs: now() - quietSinceMs },
      'a message waits and nothing comes: connecting anew',
    );
    suspect = undefined;
    quietSinceMs = now();
    patienceMs = Math.min(LONGEST_SILENCE_MS, patienceMs * 2);
    return true;
  }

  return {
    came() {
      quietSinceMs = now();
      patienceMs = silenceMs;
      suspect = undefined;
    },
    async isDead() {
      const sinceMs = Math.max(quietSinceMs, suspect?.seenAtMs ?? 0);
      const dueMs = suspect ? sinceMs + patienceMs / 3 : sinceMs + (patienceMs * 2) / 3;
      if (peeking || now() < dueMs) return false;
      peeking = true;
      try {
        return await look();
      } catch (error) {
        log.debug({ reason: (lastOf(error) as Error).message }, 'the watch could not peek');
        return false;
      } finally {
        peeking = false;
      }
    },
  };
}
