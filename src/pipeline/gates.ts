import { type Dependency, dependencyOf, type Failure } from './failures.ts';
import { type Gate, type GateState, makeGate } from './gate.ts';
import type { Clock, Log, Probe } from './ports.ts';
import { makeProber, type Prober } from './probing.ts';

/** The services without which nothing can be received and made durable. */
export type Needed = Exclude<Dependency, 'titles'>;

export type Gates = {
  readonly states: readonly GateState[];
  /** Work on a conversation has failed. Counts for a gate where the failure is a service's. */
  failed(conversation: string, failure: Failure): void;
  /** Work on a conversation has succeeded with Redis, and with Cosmos DB if it came so far. */
  worked(withStore: boolean): void;
  /** Receiving has failed, which needs no second opinion; or has gone on. */
  receiving(failure: Failure | undefined): void;
  /** Resolves when all are open, or when `signal` aborts. */
  opened(signal: AbortSignal): Promise<void>;
  /** Stays away so long, but no longer than until a closed gate opens: then whoever waited for it goes on at once. */
  patience(ms: number, signal: AbortSignal): Promise<void>;
  close(): void;
};

/** A probe begins at most so long after the one before: with the time of the probe itself, work resumes within 5 s. */
const RHYTHM = { everyMs: 2_500, atOnce: 5 };
/** Each probe of Service Bus makes a connection, and takes up to 4 s: one at a time. */
const SERVICE_BUS_RHYTHM = { everyMs: 500, atOnce: 1 };

/** The gates of the services that the work needs, each with its prober (SPEC §6). */
export function makeGates(probes: Record<Needed, Probe>, clock: Clock, log: Log): Gates {
  const make = (dependency: Needed): { gate: Gate; prober: Prober } => {
    const gate = makeGate({ dependency, clock, log, onDoubt: () => prober.look() });
    const rhythm = dependency === 'service-bus' ? SERVICE_BUS_RHYTHM : RHYTHM;
    const prober = makeProber(gate, probes[dependency], rhythm, clock);
    return { gate, prober };
  };
  const all = { 'service-bus': make('service-bus'), redis: make('redis'), cosmos: make('cosmos') };
  const succeeded = (dependency: Needed): void => {
    all[dependency].prober.rest();
    all[dependency].gate.succeeded();
  };
  const each = Object.values(all);

  async function opened(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && each.some(({ gate }) => !gate.state.isOpen))
      await Promise.all(each.map(({ gate }) => gate.opened(signal)));
  }

  return {
    states: each.map(({ gate }) => gate.state),
    failed(conversation, failure) {
      const dependency = dependencyOf(failure.code);
      if (dependency === undefined || dependency === 'titles') return;
      all[dependency].gate.failed(conversation, failure.message);
      // Whoever failed with Cosmos DB has read Redis before.
      if (dependency === 'cosmos') succeeded('redis');
    },
    worked(withStore) {
      succeeded('redis');
      if (withStore) succeeded('cosmos');
    },
    receiving(failure) {
      if (failure) all['service-bus'].gate.close(failure.message);
      else succeeded('service-bus');
    },
    opened,
    async patience(ms, signal) {
      const isClosed = each.some(({ gate }) => !gate.state.isOpen);
      if (!isClosed) return clock.sleep(ms, signal);
      await opened(signal);
    },
    close() {
      for (const { prober } of each) prober.stop();
    },
  };
}
