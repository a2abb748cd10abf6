import { expect, test } from 'vitest';
import { type Fault, faults } from './faults.ts';
import { type Planned, planFaults } from './schedule.ts';

const switches = (what: string): string[] => {
  const fault: Fault = faults[what]!;
  return fault.kind === 'state' ? Object.keys(fault.off).map((name) => `${fault.service} ${name}`) : [];
};
const overlap = (a: Planned, b: Planned): boolean => a.atMs < b.atMs + b.forMs && b.atMs < a.atMs + a.forMs;

test('the same seed makes the same plan, another one another', () => {
  expect(planFaults(7, 30, 3)).toEqual(planFaults(7, 30, 3));
  expect(planFaults(7, 30, 3)).not.toEqual(planFaults(8, 30, 3));
});

test('a plan names known faults and workers, in order, and is over by the end', () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const plan = planFaults(seed, 20, 3);
    expect(plan.length).toBeGreaterThan(10);
    expect(plan.map(({ atMs }) => atMs)).toEqual(plan.map(({ atMs }) => atMs).sort((a, b) => a - b));
    for (const { what, atMs, forMs, worker } of plan) {
      expect(Object.keys(faults)).toContain(what);
      expect(atMs + forMs).toBeLessThanOrEqual(20_000);
      if (faults[what]!.kind === 'signal') expect([0, 1, 2]).toContain(worker);
    }
  }
});

test('a fault is never taken back while another that sets the same switch is on', () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const plan = planFaults(seed, 60, 3).filter(({ what }) => switches(what).length > 0);
    plan.forEach((one, index) => {
      for (const other of plan.slice(index + 1))
        if (overlap(one, other))
          expect(switches(one.what).filter((name) => switches(other.what).includes(name))).toEqual([]);
    });
  }
});

test('over a few seeds everything that can go wrong does, and often several things at once', () => {
  const plans = Array.from({ length: 10 }, (_, seed) => planFaults(seed, 60, 3));
  const seen = new Set(plans.flat().map(({ what }) => what));
  expect(Object.keys(faults).filter((what) => !seen.has(what))).toEqual([]);
  const together = plans.map((plan) =>
    plan.filter((one) => plan.some((other) => one !== other && overlap(one, other))),
  );
  for (const plan of together) expect(plan.length).toBeGreaterThan(10);
});
