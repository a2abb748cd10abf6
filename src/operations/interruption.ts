export type Interruption = {
  /** Aborts with the first SIGINT or SIGTERM: nothing new is begun, what is in hand is finished. */
  signal: AbortSignal;
  /** Aborts with the second: what is in hand is left as it is. */
  hurry: AbortSignal;
  /** Signals are the process's own again. */
  end(): void;
};

/** A third signal, which nobody sends without need, ends the process on the spot, with exit code 3. */
export function onInterruption(): Interruption {
  const [stopping, hurrying] = [new AbortController(), new AbortController()];
  let signals = 0;
  const take = (): void => {
    signals += 1;
    stopping.abort();
    if (signals > 1) hurrying.abort();
    if (signals > 2) process.exit(EXIT_INTERRUPTED);
  };
  process.on('SIGINT', take);
  process.on('SIGTERM', take);
  return {
    signal: stopping.signal,
    hurry: hurrying.signal,
    end() {
      process.off('SIGINT', take);
      process.off('SIGTERM', take);
    },
  };
}

export const FINISHING = 'Finishing what is in hand; a second signal ends it at once.';

/** Something stays that could not be done. */
export const EXIT_SOME_STAY = 2;
export const EXIT_INTERRUPTED = 3;
