import { setTimeout as sleep } from 'node:timers/promises';
import { openDeadLetterSource } from '../azure/service-bus-dead-letters.ts';
import type { Config } from '../config.ts';
import type { Dependency } from '../pipeline/failures.ts';
import type { Log } from '../pipeline/ports.ts';
import { startWorker } from '../worker.ts';
import { aborted } from './aborted.ts';
import { type Chosen, chooseFrom } from './dead-letters-chosen.ts';

export type ReplayOptions = {
  log: Log;
  /** Stops: what is in hand is finished or given back. */
  signal: AbortSignal;
  /** Stops at once: what is in hand is given back. */
  hurry: AbortSignal;
  onFatal(error: unknown): void;
  /** To be told of a client of Service Bus that is not to be trusted any more. */
  onStart?: (worker: { reconnect(): void }) => void;
  onProgress?: (state: ReplayState) => void;
};

export type ReplayState = {
  outcomes: Chosen['outcomes'];
  /** How many others were met on the way. */
  passed: number;
  waitingFor: Dependency[];
};

export type Replayed = {
  /** What became of each that was met. The others are as they were, or somebody else has had them. */
  outcomes: Chosen['outcomes'];
  /** Others that were met and could not all be given back: they stay locked for as long as a lock lasts. */
  stillLocked: number;
};

const LOOK_EVERY_MS = 50;

/**
 * Takes dead letters back through the worker's own pipeline, in this process: what is durable then is completed, what fails
 * again stays. So no other subscription of the topic sees anything of it. A turn that is not to be seen is not waited for, as
 * it was when it came first. Safe to repeat, to interrupt and to run twice at once.
 * @throws what kept a service from being opened
 */
export async function replayDeadLetters(
  config: Config,
  wanted: ReadonlySet<string>,
  { log, signal, hurry, onFatal, onStart, onProgress }: ReplayOptions,
): Promise<Replayed> {
  let opened: Chosen | undefined;
  const starting = startWorker({ ...config, turnWaitMs: 0 }, log, {
    onFatal,
    openSource: async (of, credential) => {
      opened = chooseFrom(await openDeadLetterSource(of, credential, log), wanted);
      return opened;
    },
  });
  const worker = await Promise.race([starting, aborted(signal)]);
  // Told to end during a start that hangs: nothing has been worked on.
  if (!worker) {
    starting.catch(() => undefined);
    return { outcomes: new Map(), stillLocked: 0 };
  }
  const chosen = opened!;
  onStart?.(worker);
  while (!signal.aborted) {
    if (worker.held > 0) chosen.stir();
    else if (chosen.isComplete || chosen.isQuiet) break;
    const closed = worker.gates.filter(({ isOpen, dependency }) => !isOpen && dependency !== 'titles');
    onProgress?.({
      outcomes: chosen.outcomes,
      passed: chosen.passed,
      waitingFor: closed.map(({ dependency }) => dependency),
    });
    await sleep(LOOK_EVERY_MS);
  }
  const stillLocked = await chosen.finish(hurry);
  await worker.stop(config.shutdownTimeoutMs, hurry);
  return { outcomes: chosen.outcomes, stillLocked };
}
