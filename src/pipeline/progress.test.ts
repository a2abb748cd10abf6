import { describe, expect, test } from 'vitest';
import { startConsumer } from './consumer.ts';
import type { GateState } from './gate.ts';
import type { Gates } from './gates.ts';
import { makeGates } from './gates.ts';
import { memoryPorts } from './memory-ports.ts';
import type { Clock, EventSource, HeldEvent } from './ports.ts';
import { makeProgress } from './progress.ts';

const MINUTE = 60_000;

/** Progress on a clock that the test moves, with gates that it turns. */
function setUp() {
  let nowMs = 1_000_000_000;
  const clock: Clock = {
    now: () => nowMs,
    random: () => 1,
    // Only passing time ends it: nobody sleeps here for long.
    sleep: () => new Promise(() => undefined),
  };
  const { log } = memoryPorts();
  const never = () => new Promise<void>(() => undefined);
  const gates = makeGates({ 'service-bus': never, redis: never, cosmos: never }, clock, log);
  const progress = makeProgress(clock);
  const stateOf = (dependency: string): GateState =>
    gates.states.find((state) => state.dependency === dependency)!;
  return {
    clock,
    gates,
    progress,
    stuck: (held = 0) => progress.stuck({ gates: gates.states, held, maxHeld: 4 }),
    pass(minutes: number, each: () => void = () => undefined): void {
      for (const endMs = nowMs + minutes * MINUTE; nowMs < endMs; nowMs += 1_000) each();
    },
    turn(dependency: string, isOpen: boolean): void {
      Object.assign(stateOf(dependency), { isOpen, sinceMs: nowMs });
    },
  };
}

describe('no progress makes', () => {
  test('a consumer whose receives do not end any more', () => {
    const { pass, stuck } = setUp();
    pass(0.9);
    expect(stuck()).toBeUndefined();
    pass(0.2);
    expect(stuck()).toMatch(/no receive has ended for 66 s/);
  });

  test('one whose events hang, with all slots taken, however long their locks are renewed', () => {
    const { pass, stuck } = setUp();
    pass(4.9);
    expect(stuck(4)).toBeUndefined();
    pass(0.2);
    expect(stuck(4)).toMatch(/none of 4 events in hand has moved for 306 s/);
  });

  test('one whose only event hangs while it receives nothing more', () => {
    const { pass, progress, stuck } = setUp();
    pass(6, progress.received);
    expect(stuck(1)).toMatch(/none of 1 events/);
  });

  test('one that waits for a service which nobody asks whether it is back', () => {
    const { pass, turn, stuck } = setUp();
    turn('redis', false);
    pass(1.1);
    expect(stuck()).toMatch(/no probe has ended for 66 s while redis is away/);
  });
});

describe('progress makes', () => {
  test('an idle consumer, for hours', () => {
    const { pass, progress, stuck } = setUp();
    pass(240, () => {
      progress.received();
      expect(stuck()).toBeUndefined();
    });
  });

  test('one that waits for a service with its hands full, for hours, and after that', () => {
    const { pass, progress, turn, stuck } = setUp();
    turn('cosmos', false);
    pass(240, () => {
      progress.probed();
      expect(stuck(4)).toBeUndefined();
    });
    turn('cosmos', true);
    pass(0.9);
    expect(stuck(3)).toBeUndefined();
    pass(0.2);
    expect(stuck(3)).toMatch(/no receive/);
    progress.received();
    pass(4);
    expect(stuck(4)).toMatch(/none of 4 events/);
  });

  test('one with its hands full for hours, as long as its events move', () => {
    const { pass, progress, stuck } = setUp();
    pass(240, () => {
      progress.worked();
      expect(stuck(4)).toBeUndefined();
    });
  });
});

describe('the consumer itself', () => {
  /** A consumer over a source whose receives the test ends. */
  function consuming() {
    const scene = setUp();
    const ends: ((events: readonly HeldEvent[]) => void)[] = [];
    const source: EventSource = {
      parallelReceives: 2,
      mostAtOnce: 1,
      receive: () => new Promise((resolve) => ends.push(resolve)),
      probe: async () => undefined,
      reconnect: () => undefined,
      close: async () => undefined,
    };
    const lanes = { accept: () => undefined, drain: async () => ({ abandoned: 0 }), inHand: 0 };
    const gates: Gates = scene.gates;
    startConsumer(source, lanes, gates, 4, scene.clock, scene.progress.received);
    const asked = (count: number) => expect.poll(() => ends.length).toBe(count);
    return { ...scene, ends, asked };
  }

  test('shows a receive that ends with nothing as progress, and one that hangs as none', async () => {
    const { pass, stuck, ends, asked } = consuming();
    await asked(2);
    pass(0.9);
    ends[0]!([]);
    await asked(3);
    pass(0.9);
    expect(stuck()).toBeUndefined();
    pass(0.2);
    expect(stuck()).toMatch(/no receive/);
  });
});
