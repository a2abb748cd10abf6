import { type Control, NotOffered } from './control.ts';
import type { Crew } from './crew.ts';
import { type Fault, faults } from './faults.ts';
import type { Planned } from './schedule.ts';

export type Storm = {
  counts: { faults: number; kills: number; skipped: number };
  /** The faults that are on. */
  on: Set<string>;
  /** When it was last so that a fault was on, by `performance.now()`. */
  lastOnMs(): number;
  /** Resolves when the last fault is over. */
  over: Promise<void>;
};

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

/** Carries out a plan, from now on. */
export function raise(plan: readonly Planned[], control: Control, crew: () => Crew): Storm {
  const counts = { faults: 0, kills: 0, skipped: 0 };
  const on = new Set<string>();
  let lastOnMs = Number.NEGATIVE_INFINITY;
  const startedMs = performance.now();

  async function carryOut({ atMs, forMs, what, worker = 0 }: Planned): Promise<void> {
    const fault = faults[what];
    if (!fault) throw new Error(`No fault is called ${what}; there are ${Object.keys(faults).join(', ')}`);
    await sleep(atMs - (performance.now() - startedMs));
    if (fault.kind === 'signal') {
      counts.kills += 1;
      return crew().replace(worker, fault.signal);
    }
    on.add(what);
    try {
      await begin(control, fault);
      counts.faults += 1;
      await sleep(forMs);
      await takeBack(control, fault);
    } catch (error) {
      if (!(error instanceof NotOffered)) throw error;
      counts.skipped += 1;
    } finally {
      on.delete(what);
      lastOnMs = performance.now();
    }
  }

  return {
    counts,
    on,
    lastOnMs: () => (on.size > 0 ? performance.now() : lastOnMs),
    over: Promise.all(plan.map(carryOut)).then(() => undefined),
  };
}

async function begin(control: Control, fault: Exclude<Fault, { kind: 'signal' }>): Promise<void> {
  if (fault.kind === 'state') await control.setFaults(fault.service, fault.on);
  else await control.act(fault.service, fault.name, fault.args);
}

async function takeBack(control: Control, fault: Exclude<Fault, { kind: 'signal' }>): Promise<void> {
  if (fault.kind === 'action') {
    if (fault.undo) await control.act(fault.service, fault.undo.name, fault.undo.args);
  } else if (fault.late) await control.setFaults(fault.service, fault.off).catch(() => undefined);
  else await control.setFaults(fault.service, fault.off);
}
