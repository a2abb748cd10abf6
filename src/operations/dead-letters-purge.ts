import { setTimeout as sleep } from 'node:timers/promises';
import { makeCredential } from '../azure/credential.ts';
import { openDeadLetterSource } from '../azure/service-bus-dead-letters.ts';
import type { Config } from '../config.ts';
import { Failure } from '../pipeline/failures.ts';
import type { Log } from '../pipeline/ports.ts';
import { chooseFrom, type Outcome } from './dead-letters-chosen.ts';

export type PurgeOptions = {
  log: Log;
  /** Stops: what is in hand is given back. */
  signal: AbortSignal;
  /** Stops at once. */
  hurry: AbortSignal;
  onProgress?: (outcomes: ReadonlyMap<string, Outcome>) => void;
};

export type Purged = {
  /** Those that are gone. */
  outcomes: ReadonlyMap<string, Outcome>;
  /** What ended it, where nothing could be received any more: the client's error. */
  failure: unknown;
};

/** So long nothing can be received before a purge gives up. */
const PATIENCE_MS = 15_000;
const LOOK_EVERY_MS = 50;

/**
 * Deletes dead letters for good: those that were chosen, by number, and none that came later. Safe to repeat and to interrupt.
 * @throws the client's error when it cannot be opened
 */
export async function purgeDeadLetters(
  config: Config,
  wanted: ReadonlySet<string>,
  { log, signal, hurry, onProgress }: PurgeOptions,
): Promise<Purged> {
  const source = await openDeadLetterSource(config, makeCredential(config.azureClientId), log);
  const chosen = chooseFrom(source, wanted);
  const stopping = new AbortController();
  let inHand = 0;
  let answeredAtMs = performance.now();
  let failure: unknown;

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const [held] = await chosen.receive(stopping.signal, 1);
        answeredAtMs = performance.now();
        if (!held) continue;
        inHand += 1;
        await held.settle({ kind: 'complete' }).finally(() => {
          inHand -= 1;
        });
      } catch (error) {
        // A settlement that was not taken: the dead letter comes again, or is gone.
        if (error instanceof Failure) continue;
        failure = error;
        if (performance.now() - answeredAtMs > PATIENCE_MS) return stopping.abort();
        await sleep(LOOK_EVERY_MS);
      }
    }
  }

  const loops = Promise.all(Array.from({ length: source.parallelReceives }, loop));
  while (!signal.aborted && !stopping.signal.aborted) {
    if (inHand > 0) chosen.stir();
    else if (chosen.isComplete || chosen.isQuiet) break;
    onProgress?.(chosen.outcomes);
    await sleep(LOOK_EVERY_MS);
  }
  const gaveUp = stopping.signal.aborted;
  await chosen.finish(hurry);
  stopping.abort();
  await loops;
  await source.close();
  return { outcomes: chosen.outcomes, failure: gaveUp ? failure : undefined };
}
