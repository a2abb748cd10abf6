import { makeChance } from './chance.ts';
import { type Fault, faults } from './faults.ts';

/** From `atMs` for `forMs` (0: it is done once) the fault called `what`; `worker` counts from 0, for signals. */
export type Planned = { atMs: number; forMs: number; what: string; worker?: number };

/** Faults begin so long after the start at the earliest: something is under way then. */
const FIRST_MS = 300;
const SIGNAL_EVERY = 6;

/**
 * When what goes wrong: one fault after another in an order that comes from the seed, each kind once before any comes
 * again, often several at once, and a signal to some worker after every few. Two faults that set the same switch never
 * overlap, and all are over by the end. Pure: the same arguments, the same plan.
 */
export function planFaults(seed: number, seconds: number, workers: number): Planned[] {
  const chance = makeChance(seed);
  const endMs = seconds * 1000;
  const signals = Object.keys(faults).filter((what) => faults[what]!.kind === 'signal');
  const others = Object.keys(faults).filter((what) => faults[what]!.kind !== 'signal');
  const busyUntilMs = new Map<string, number>();
  const plan: Planned[] = [];
  let deck: string[] = [];
  let atMs = FIRST_MS + chance.below(300);
  for (let count = 1; atMs < endMs - 100; count += 1) {
    if (count % SIGNAL_EVERY === 0)
      plan.push({ atMs, forMs: 0, what: chance.pick(signals), worker: chance.below(workers) });
    else {
      if (deck.length === 0) deck = chance.shuffle(others);
      const index = deck.findIndex((what) => isFree(faults[what]!, atMs, endMs, busyUntilMs));
      if (index >= 0) {
        const what = deck.splice(index, 1)[0]!;
        const fault = faults[what]!;
        const forMs = Math.min(lengthOf(fault, chance.between(200, 2500), chance.percent(15)), endMs - atMs);
        plan.push({ atMs, forMs, what });
        for (const name of switchesOf(fault)) busyUntilMs.set(name, atMs + forMs + 50);
      }
    }
    // Often several at once; now and then a while of rest, in which the work goes on.
    atMs += chance.percent(35)
      ? chance.below(60)
      : chance.percent(20)
        ? chance.between(1000, 2500)
        : chance.between(200, 900);
  }
  return plan;
}

function lengthOf(fault: Fault, usualMs: number, isLong: boolean): number {
  if (fault.kind === 'state') return Math.min(isLong ? usualMs * 3 : usualMs, fault.maxMs ?? 8000);
  return fault.kind === 'action' && fault.undo ? usualMs : 0;
}

/** What a fault sets; a fault is not to be taken back while another that sets the same is on. */
function switchesOf(fault: Fault): string[] {
  if (fault.kind === 'state') return Object.keys(fault.off).map((name) => `${fault.service} ${name}`);
  return fault.kind === 'action' && fault.undo ? [`${fault.service} ${fault.undo.name}`] : [];
}

function isFree(fault: Fault, atMs: number, endMs: number, busyUntilMs: Map<string, number>): boolean {
  if (fault.kind === 'state' && fault.late && atMs < endMs * 0.7) return false;
  return switchesOf(fault).every((name) => (busyUntilMs.get(name) ?? 0) <= atMs);
}
