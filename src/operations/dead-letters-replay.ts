import { setTimeout as sleep } from 'node:timers/promises';
import { openDeadLetterSource } from '../azure/service-bus-dead-letters.ts';
import type { Config } from '../config.ts';
import type { GateState } from '../pipeline/gate.ts';
import type { Log } from '../pipeline/ports.ts';
import { startWorker } from '../worker.ts';
import { type Chosen, chooseFrom, type Outcome } from './dead-letters-chosen.ts';

export type ReplayOptions = {
  log: Log;
  /** Stops: what is in hand is finished or given back. */
  signal: AbortSignal;
  /** Stops at once: what is in hand is given back. */
  hurry: AbortSignal;
  onFatal(error: unknown): void;
  /** To be told of a client of Service Bus that is not to be trusted any more. */
  onStart?: (worker: { reconnect(): void }) => void;
  onProgress?: (outcomes: ReadonlyMap<string, Outcome>, closed: readonly GateState[]) => void;
};

const LOOK_EVERY_MS = 50;

/**
 * Takes dead letters back through the worker's own pipeline, in this process: what is durable then is completed, what fails
 * again stays. So no other subscription of the topic sees anything of it. A turn that is not to be seen is not waited for, as
 * it was when it came first. Safe to repeat, to interrupt and to run twice at once.
 * @returns what became of each that was met; the others are as they were, perhaps in somebody else's hands
 * @throws what kept a service from being opened
 */
export async function replayDeadLetters(
  config: Config,
  wanted: ReadonlySet<string>,
  { log, signal, hurry, onFatal, onStart, onProgress }: ReplayOptions,
): Promise<ReadonlyMap<string, Outcome>> {
  let chosen: Chosen | undefined;
  const worker = await startWorker(
    { ...config, turnWaitMs: 0 },
    log,
    onFatal,
    undefined,
    async (of, credential) => {
      chosen = chooseFrom(await openDeadLetterSource(of, credential, log), wanted);
      return chosen;
    },
  );
  onStart?.(worker);
  while (!signal.aborted) {
    if (worker.held > 0) chosen!.stir();
    else if (chosen!.isComplete || chosen!.isQuiet) break;
    onProgress?.(
      chosen!.outcomes,
      worker.gates.filter(({ isOpen, dependency }) => !isOpen && dependency !== 'titles'),
    );
    await sleep(LOOK_EVERY_MS);
  }
  await chosen!.finish();
  await worker.stop(config.shutdownTimeoutMs, hurry);
  return chosen!.outcomes;
}
