import { Failure } from '../../src/pipeline/failures.ts';
import type { EventSource, HeldEvent } from '../../src/pipeline/ports.ts';
import { courseOf } from './courses.ts';
import { type Course, call, latency } from './network.ts';
import type { Process } from './process.ts';
import type { World } from './world.ts';

export type Queued = {
  readonly sequence: number;
  readonly body: unknown;
  readonly enqueuedAtMs: number;
  state: 'waiting' | 'locked' | 'completed' | 'dead';
  deliveries: number;
  lock: Held | undefined;
};

/** One delivery of an event to a process, under its lock. */
export type Held = {
  readonly queued: Queued;
  readonly process: Process;
  readonly token: number;
  /** What the worker is told: no two deliveries alike, so that one can be told by it. */
  readonly enqueuedAtMs: number;
  untilMs: number;
};

/** `reason` is a dead letter's. */
export type Settlement = { kind: 'complete' | 'abandon' | 'dead-letter'; reason?: string };

export type Broker = {
  send(body: unknown): Queued;
  readonly queue: readonly Queued[];
  /** How many events are neither completed nor dead-lettered. */
  readonly unsettled: number;
  portFor(process: Process): EventSource;
};

export type BrokerWatch = {
  received(held: Held): void;
  settling(held: Held, settlement: Settlement): void;
  /** The call has ended: well, or with a failure. */
  settled(held: Held, isOk: boolean): void;
};

const DEADLINE_MS = 10_000;

type Waiter = { process: Process; give: (queued: Queued) => void };

/** Service Bus in memory: at least once, in an order that is nearly that of sending, under locks that run out. */
export function makeBroker(world: World, watch: BrokerWatch): Broker {
  const { clock, chance, plan, trace } = world;
  const queue: Queued[] = [];
  const waiters = new Set<Waiter>();
  let tokens = 0;
  let unsettled = 0;
  let isPumpingLater = false;

  /** Brings together who waits for an event and what waits to be received. */
  function pump(): void {
    if (world.troubleOf('service-bus')) return void pumpLater();
    for (;;) {
      const waiting = queue.filter(({ state }) => state === 'waiting');
      const ready = [...waiters].filter(({ process }) => process.isAlive);
      if (waiting.length === 0 || ready.length === 0) return;
      const waiter = chance.pick(ready);
      waiters.delete(waiter);
      waiter.give(chance.happens(plan.rates.reorder) ? chance.pick(waiting) : waiting[0]!);
    }
  }

  function pumpLater(): void {
    if (isPumpingLater) return;
    isPumpingLater = true;
    clock.after(500, () => {
      isPumpingLater = false;
      pump();
    });
  }

  function lock(queued: Queued, process: Process): Held {
    tokens += 1;
    const held: Held = {
      queued,
      process,
      token: tokens,
      enqueuedAtMs: Math.floor(queued.enqueuedAtMs) + tokens / 1_024,
      untilMs: clock.nowMs + plan.lockMs,
    };
    queued.state = 'locked';
    queued.deliveries += 1;
    queued.lock = held;
    expireLater(held);
    return held;
  }

  function expireLater(held: Held): void {
    clock.after(held.untilMs - clock.nowMs, () => {
      if (held.queued.lock !== held) return;
      if (clock.nowMs < held.untilMs) return expireLater(held);
      trace.note(`lock ${held.token} of e${held.queued.sequence} ran out`);
      release(held, 'waiting');
    });
  }

  function release(held: Held, state: Queued['state']): void {
    held.queued.lock = undefined;
    held.queued.state = state;
    if (state === 'waiting') pump();
  }

  /** @throws Failure LockLost */
  function mustHold(held: Held): void {
    if (held.queued.lock !== held || clock.nowMs >= held.untilMs)
      throw new Failure('LockLost', 'simulated: the lock is lost');
  }

  function apply(held: Held, settlement: Settlement): void {
    mustHold(held);
    const states = { complete: 'completed', abandon: 'waiting', 'dead-letter': 'dead' } as const;
    if (settlement.kind !== 'abandon') unsettled -= 1;
    release(held, states[settlement.kind]);
  }

  const course = (code: 'SettlementFailed' | 'ReceiveFailed', rate: number): Course =>
    courseOf(world, { service: 'service-bus', code, deadlineMs: DEADLINE_MS, rate, isWrite: true });

  function hold(held: Held): HeldEvent {
    const { queued, process } = held;
    const name = `e${queued.sequence} lock ${held.token}`;
    const untilThere = (): number => held.untilMs + process.skewMs;
    return {
      body: queued.body,
      messageId: `e${queued.sequence}`,
      enqueuedAtMs: held.enqueuedAtMs,
      lock: {
        lockedUntilMs: untilThere(),
        renew: () =>
          call(world, process, `renew ${name}`, course('SettlementFailed', plan.rates.settlement), () => {
            mustHold(held);
            held.untilMs = clock.nowMs + plan.lockMs;
            return untilThere();
          }),
      },
      deliveryCount: queued.deliveries - 1,
      traceparent: undefined,
      async settle(settlement) {
        const what = `${settlement.kind} ${name}${settlement.kind === 'dead-letter' ? ` ${settlement.reason}` : ''}`;
        if (!process.isAlive)
          return call(world, process, what, course('SettlementFailed', 0), () => undefined);
        watch.settling(held, settlement);
        try {
          const planned = course('SettlementFailed', plan.rates.settlement);
          await call(world, process, what, planned, () => apply(held, settlement));
          watch.settled(held, true);
        } catch (error) {
          watch.settled(held, false);
          throw error;
        }
      },
    };
  }

  /** What is on its way when the signal aborts still comes; where more than one is asked for, all that come are lost together. */
  function receive(process: Process, signal: AbortSignal, most: number): Promise<readonly HeldEvent[]> {
    return new Promise((resolve, reject) => {
      const end = (act: () => void): void => {
        if (!waiters.delete(waiter)) return;
        signal.removeEventListener('abort', abort);
        if (process.isAlive) act();
      };
      const abort = (): void => end(() => resolve([]));
      const waiter: Waiter = {
        process,
        give(queued) {
          signal.removeEventListener('abort', abort);
          const more = queue.filter((one) => one !== queued && one.state === 'waiting');
          const all = [queued, ...more.slice(0, chance.whole(0, most - 1))].map((one) => lock(one, process));
          const isLost = world.isStormy() && chance.happens(plan.rates.delivery);
          for (const { queued: one, token } of all)
            trace.note(`${process.name} is sent e${one.sequence} lock ${token}${isLost ? ', lost' : ''}`);
          clock.after(latency(world, 'service-bus'), () => {
            if (!process.isAlive) return;
            if (isLost) return void reject(new Error('simulated: the link was cut'));
            for (const held of all) watch.received(held);
            resolve(all.map(hold));
          });
        },
      };
      waiters.add(waiter);
      signal.addEventListener('abort', abort);
      clock.after(chance.between(2_000, 20_000), () =>
        end(() =>
          world.troubleOf('service-bus')
            ? reject(new Failure('ReceiveFailed', 'simulated: away'))
            : resolve([]),
        ),
      );
      pump();
    });
  }

  return {
    queue,
    get unsettled() {
      return unsettled;
    },
    send(body) {
      unsettled += 1;
      const sequence = queue.length + 1;
      const fresh = { state: 'waiting', deliveries: 0, lock: undefined } as const;
      const queued: Queued = { sequence, body, enqueuedAtMs: clock.nowMs, ...fresh };
      queue.push(queued);
      world.counts.events += 1;
      trace.note(`e${sequence} sent ${JSON.stringify(body)}`);
      pump();
      return queued;
    },
    portFor: (process) => ({
      parallelReceives: plan.parallelReceives,
      mostAtOnce: plan.mostAtOnce,
      async receive(signal, most) {
        await call(world, process, 'receive', course('ReceiveFailed', 0), () => undefined);
        return signal.aborted ? [] : receive(process, signal, most);
      },
      probe: () => call(world, process, 'probe service-bus', course('ReceiveFailed', 0), () => undefined),
      reconnect: () => undefined,
      close: async () => undefined,
    }),
  };
}
