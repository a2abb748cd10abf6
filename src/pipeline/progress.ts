import type { GateState } from './gate.ts';
import type { Clock } from './ports.ts';

/** What has moved last, by what it is a sign of. */
export type Progress = {
  /** A receive has come to an end, whatever it brought. */
  received(): void;
  /** A round on a conversation has come to an end, an event was settled or lost, or the first one taken in an empty hand. */
  worked(): void;
  /** A service that is away was asked whether it is back, and has answered or not. */
  probed(): void;
  /** What has not moved for so long that only a new start will help; undefined while all does, or waits for a reason. */
  stuck(now: Waiting): string | undefined;
};

/** What the process waits for just now. */
export type Waiting = {
  gates: readonly GateState[];
  /** Events in hand. */
  held: number;
  /** The most that may be. */
  maxHeld: number;
};

/** A receive ends within seconds, a wish for a session within 15, and a probe within 5. */
const RECEIVES_STALL_MS = 60_000;
/** A title may take 2 minutes (TITLE_TIMEOUT_SECONDS), a turn that Redis does not show is looked for every 5 s. */
const WORK_STALLS_MS = 300_000;

/**
 * Whether the consumer makes progress (SPEC §9). An idle one does: its receives end every second with nothing. So does one that
 * waits: for a service that is away, as long as it is asked, or for a slot, as long as the events in hand move. Renewing
 * locks is no progress: a worker that hangs on its events does it for ever.
 */
export function makeProgress(clock: Pick<Clock, 'now'>): Progress {
  const last = { received: clock.now(), worked: clock.now(), probed: clock.now() };
  const note = (what: keyof typeof last) => (): void => {
    last[what] = clock.now();
  };
  const quietSince = (ms: number): number => clock.now() - ms;

  return {
    received: note('received'),
    worked: note('worked'),
    probed: note('probed'),
    stuck({ gates, held, maxHeld }) {
      const closed = gates.filter(({ isOpen }) => !isOpen);
      if (closed.length > 0) {
        const quietMs = quietSince(Math.max(last.probed, ...gates.map(({ sinceMs }) => sinceMs)));
        return quietMs > RECEIVES_STALL_MS
          ? `no probe has ended for ${seconds(quietMs)} s while ${closed.map(({ dependency }) => dependency).join(', ')} is away`
          : undefined;
      }
      // Everything was allowed to stand still until the last gate opened.
      const opened = Math.max(...gates.map(({ sinceMs }) => sinceMs));
      const unreceivedMs = quietSince(Math.max(last.received, opened));
      if (held < maxHeld && unreceivedMs > RECEIVES_STALL_MS)
        return `no receive has ended for ${seconds(unreceivedMs)} s`;
      const unworkedMs = quietSince(Math.max(last.worked, opened));
      if (held > 0 && unworkedMs > WORK_STALLS_MS)
        return `none of ${held} events in hand has moved for ${seconds(unworkedMs)} s`;
      return undefined;
    },
  };
}

const seconds = (ms: number): number => Math.round(ms / 1000);
