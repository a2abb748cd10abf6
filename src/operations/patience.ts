import { backOff } from '../pipeline/back-off.ts';
import { Failure, type FailureCode, failures } from '../pipeline/failures.ts';
import type { Clock } from '../pipeline/ports.ts';

export type Patience = {
  /**
   * Does something as often as it takes, while a service is away or throttles.
   * @throws Failure what trying again would not mend: access is denied, or the failure is one of this work alone, since the
   * services answer others; or whatever it was when `signal` aborted. Anything that is no Failure, at once.
   */
  wait<T>(work: () => Promise<T>): Promise<T>;
  /** What is waited for now, if anything is. */
  readonly waitingFor: string | undefined;
};

export type PatienceOptions = {
  clock: Clock;
  signal: AbortSignal;
  /** Throws while a service is away that the work needs. */
  probe: () => Promise<void>;
  /** Told of each outage once. */
  say: (line: string) => void;
  /** Told when Cosmos DB throttles, and for how long to stay away. */
  onThrottled?: (ms: number) => void;
};

/** After so many failures in a row it is worth asking whether the service is there. */
const ASK_AFTER = 5;
/** What has passed sooner is not told of. */
const WORTH_TELLING_MS = 1_000;

/** What operations do in an outage: they wait, and go on by themselves when it ends. */
export function makePatience({ clock, signal, probe, say, onThrottled }: PatienceOptions): Patience {
  const waiting = new Map<symbol, Failure>();
  const told = new Set<FailureCode>();

  async function isThere(): Promise<boolean> {
    try {
      await probe();
      return true;
    } catch (error) {
      if (error instanceof Failure) return false;
      throw error;
    }
  }

  return {
    async wait(work) {
      const self = Symbol();
      const begunMs = clock.now();
      try {
        for (let inARow = 0; ; inARow += 1) {
          try {
            const result = await work();
            told.clear();
            return result;
          } catch (error) {
            if (!(error instanceof Failure) || !mayPass(error.code) || signal.aborted) throw error;
            const isThrottled = error.code === 'StoreThrottled';
            if (!isThrottled && inARow >= ASK_AFTER && (await isThere())) throw error;
            if (clock.now() - begunMs >= WORTH_TELLING_MS && !told.has(error.code)) {
              told.add(error.code);
              say(`${error.code}: ${error.message}: waiting for it to pass`);
            }
            waiting.set(self, error);
            const delayMs = Math.max(error.retryAfterMs ?? 0, backOff(inARow, clock));
            if (isThrottled) onThrottled?.(delayMs);
            await clock.sleep(delayMs, signal);
          }
        }
      } finally {
        waiting.delete(self);
      }
    },
    get waitingFor() {
      return waiting.values().next().value?.code;
    },
  };
}

/** Denied access and a missing container are mended by people, not by time. */
const mayPass = (code: FailureCode): boolean =>
  failures[code].outcome === 'hold' && code !== 'StoreMisconfigured';
