import type { GateState } from './gate.ts';
import { makeGate } from './gate.ts';
import type { Clock, Log } from './ports.ts';

export type TitleGate = {
  readonly state: GateState;
  /** Whether the model may be asked now: always while the gate is open; while it is closed, now and then as a trial. */
  admits(): boolean;
  failed(conversation: string, reason: string): void;
  succeeded(): void;
};

/** A probe would cost tokens and tell nothing that the next request does not: while the gate is closed, one in so long is let through. */
const TRIAL_EVERY_MS = 5_000;

/** The gate of the title model. Closed, it only means fallback titles at once, instead of a wait for each (SPEC §6). */
export function makeTitleGate(clock: Clock, log: Log): TitleGate {
  const gate = makeGate({ dependency: 'titles', clock, log, meanwhile: 'fallback titles are stored' });
  let triedAtMs = Number.NEGATIVE_INFINITY;
  return {
    state: gate.state,
    admits() {
      if (gate.state.isOpen) return true;
      const now = clock.now();
      if (now - Math.max(triedAtMs, gate.state.sinceMs) < TRIAL_EVERY_MS) return false;
      triedAtMs = now;
      return true;
    },
    failed: gate.failed,
    succeeded: gate.succeeded,
  };
}
