import type { Process } from '../world/process.ts';
import type { Version } from '../world/redis.ts';
import type { World } from '../world/world.ts';

/** One read of Redis, and the events for which it was made. */
export type Round = {
  readonly process: Process;
  readonly sessionId: string;
  readonly atMs: number;
  readonly events: ReadonlySet<number>;
  /** Undefined until Redis has answered. */
  version: Version | undefined;
};

/** Keeps which event was in which round: those that are looked at just before a read of Redis is issued are in it. */
export function makeRounds({ clock }: World) {
  const joining = new Map<Process, Set<number>>();
  const rounds: Round[] = [];
  return {
    joins(process: Process, enqueuedAtMs: number | undefined): void {
      if (!joining.has(process)) joining.set(process, new Set());
      joining.get(process)!.add(enqueuedAtMs!);
    },
    begin(process: Process, sessionId: string): Round {
      const events = joining.get(process) ?? new Set();
      joining.delete(process);
      const round: Round = {
        process,
        sessionId,
        atMs: clock.nowMs,
        events,
        version: undefined,
      };
      rounds.push(round);
      return round;
    },
    /** The answered rounds of one delivery of an event. */
    of: (process: Process, enqueuedAtMs: number): Round[] =>
      rounds.filter((round) => round.process === process && round.version && round.events.has(enqueuedAtMs)),
  };
}
