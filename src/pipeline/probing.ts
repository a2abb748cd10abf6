import type { Gate } from './gate.ts';
import type { Clock, Probe } from './ports.ts';

export type ProbeRhythm = {
  /** The longest time between the beginnings of two probes. */
  everyMs: number;
  /** How many may be under way: one that hangs must not delay the answer to the next. */
  atOnce: number;
};

export type Prober = {
  /** Probes for as long as the gate is closed; once, if it is in doubt only. Does nothing while probing already. */
  look(): void;
  /** Work has succeeded: the next trouble is a new one. */
  rest(): void;
  stop(): void;
};

const FIRST_DELAY_MS = 100;
/** A conversation that fails for ever raises a doubt at each of its attempts; not each is worth a call. */
const DOUBT_EVERY_MS = 8_000;

/**
 * Asks a service in doubt whether it is there. The delays double up to `everyMs`, and go on from where they were if the gate
 * closes again before any work has succeeded, so that a service that answers probes and fails work is not hammered.
 */
export function makeProber(gate: Gate, probe: Probe, { everyMs, atOnce }: ProbeRhythm, clock: Clock): Prober {
  const stopping = new AbortController();
  let probing = false;
  let probes = 0;
  let doubtedAtMs = Number.NEGATIVE_INFINITY;
  let underWay = 0;

  async function ask(): Promise<void> {
    underWay += 1;
    const { turns } = gate;
    try {
      await probe();
      gate.answered();
    } catch (error) {
      // One that was asked before the service came back says nothing of now.
      if (gate.turns === turns) gate.close((error as Error).message);
    } finally {
      underWay -= 1;
    }
  }

  async function run(): Promise<void> {
    probing = true;
    let first = true;
    while ((first || !gate.state.isOpen) && !stopping.signal.aborted) {
      first = false;
      const delayMs = probes === 0 ? 0 : Math.min(everyMs, FIRST_DELAY_MS * 2 ** (probes - 1));
      probes = Math.min(probes + 1, 20);
      if (delayMs > 0) await clock.sleep(delayMs * (0.75 + clock.random() / 4), stopping.signal);
      if (stopping.signal.aborted) break;
      // Work may have succeeded meanwhile; a doubt is looked into all the same.
      const asked = underWay < atOnce ? ask() : undefined;
      // Whoever is alone waits for the answer; the others come at their time.
      if (atOnce === 1) await asked;
      else if (asked) await Promise.race([asked, clock.sleep(Math.min(everyMs, FIRST_DELAY_MS))]);
    }
    probing = false;
  }

  return {
    look() {
      if (probing || stopping.signal.aborted) return;
      if (gate.state.isOpen) {
        if (clock.now() - doubtedAtMs < DOUBT_EVERY_MS) return;
        doubtedAtMs = clock.now();
      }
      void run();
    },
    rest() {
      probes = 0;
      doubtedAtMs = Number.NEGATIVE_INFINITY;
    },
    stop: () => stopping.abort(),
  };
}
