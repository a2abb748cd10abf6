import { type Chance, makeChance } from '../chance.ts';
import type { Plan } from '../plan.ts';
import { makeTrace, type Trace } from '../trace.ts';
import { makeVirtualClock, type VirtualClock } from '../virtual-clock.ts';
import type { Service, Trouble } from '../weather.ts';

export type Counts = {
  events: number;
  calls: number;
  crashes: number;
  drains: number;
  unknownOutcomes: number;
  conflicts: number;
};

/** What everything in a run shares. */
export type World = {
  readonly plan: Plan;
  readonly clock: VirtualClock;
  readonly chance: Chance;
  readonly trace: Trace;
  readonly counts: Counts;
  /** A promise that was broken, once for each wording. */
  readonly violations: Set<string>;
  violate(text: string): void;
  sinceStartMs(): number;
  /** Whether anything may fail at this time. */
  isStormy(): boolean;
  troubleOf(service: Service): Trouble | undefined;
};

const START_MS = Date.UTC(2026, 0, 1);

export function makeWorld(plan: Plan, keepTrace: boolean): World {
  const clock = makeVirtualClock(START_MS);
  const sinceStartMs = (): number => clock.nowMs - START_MS;
  const trace = makeTrace(keepTrace, sinceStartMs);
  const violations = new Set<string>();
  return {
    plan,
    clock,
    trace,
    violations,
    chance: makeChance(plan.seed, 'network'),
    counts: { events: 0, calls: 0, crashes: 0, drains: 0, unknownOutcomes: 0, conflicts: 0 },
    violate(text) {
      trace.note(`VIOLATED ${text}`);
      violations.add(text);
    },
    sinceStartMs,
    isStormy: () => sinceStartMs() < plan.faultsEndMs,
    troubleOf(service) {
      const now = sinceStartMs();
      return plan.weather.find(
        (spell) => spell.service === service && now >= spell.fromMs && now < spell.toMs,
      )?.trouble;
    },
  };
}
