import type { Chance } from '../chance.ts';
import type { Broker } from './broker.ts';
import type { Process } from './process.ts';
import { type Ports, startWorker, type Worker, type WorkerWatch } from './worker.ts';
import type { World } from './world.ts';

export type Fleet = {
  isDraining(process: Process): boolean;
  /** Stops all workers for good. */
  end(): Promise<void>;
};

type Given = {
  world: World;
  chance: Chance;
  broker: Broker;
  portsFor: (process: Process) => Ports;
  watch: Omit<WorkerWatch, 'failed'>;
};

/** Keeps as many workers running as planned: one that dies, or is told to stop, is replaced after a while. */
export function makeFleet({ world, chance, broker, portsFor, watch }: Given): Fleet {
  const { plan, clock, counts, trace } = world;
  const workers = new Set<Worker>();
  const draining = new Set<Process>();
  let started = 0;
  let isOver = false;

  function start(): void {
    if (isOver) return;
    started += 1;
    const process: Process = {
      name: `w${started}`,
      skewMs: chance.pick([-1, 0, 1]) * plan.skewMs,
      isAlive: true,
      crash() {
        if (!process.isAlive) return;
        counts.crashes += 1;
        trace.note(`${process.name} dies`);
        exit();
      },
    };
    const exit = (): void => {
      process.isAlive = false;
      workers.delete(worker);
      draining.delete(process);
      clock.after(chance.between(50, 10_000), start);
    };
    trace.note(`${process.name} starts`);
    const worker = startWorker(world, process, portsFor(process), { ...watch, failed });
    workers.add(worker);
  }

  async function stop(worker: Worker, timeoutMs: number): Promise<void> {
    const { process } = worker;
    draining.add(process);
    counts.drains += 1;
    trace.note(`${process.name} is told to stop within ${timeoutMs} ms`);
    const hurry = new AbortController();
    if (!isOver && chance.happens(0.3))
      clock.after(chance.between(0, timeoutMs), () => {
        trace.note(`${process.name} is told to hurry`);
        hurry.abort();
      });
    const { abandoned } = await worker.stop(timeoutMs, hurry.signal);
    trace.note(`${process.name} has stopped, ${abandoned} abandoned`);
    const left = broker.queue.filter(({ lock }) => lock?.process === process);
    if (left.length > 0 && !mayLoseLocks(world))
      world.violate(`${process.name} has stopped and holds ${left.length} events`);
    process.isAlive = false;
    workers.delete(worker);
    if (isOver && abandoned > 0) world.violate(`${process.name} abandons ${abandoned} events at rest`);
    if (!isOver) clock.after(chance.between(50, 10_000), start);
  }

  function failed(process: Process, error: unknown): void {
    world.violate(`a worker fails: ${String((error as Error)?.stack ?? error)}`);
    process.crash();
  }

  for (let count = 0; count < plan.workers; count += 1) clock.after(chance.between(0, 100), start);
  if (plan.rates.drain > 0)
    for (let times = chance.whole(1, 4); times > 0; times -= 1)
      clock.after(chance.between(0, plan.faultsEndMs), () => {
        const worker = [...workers].find(({ process }) => !draining.has(process));
        if (worker) void stop(worker, chance.pick([1_000, 10_000, 60_000]));
      });

  return {
    isDraining: (process) => draining.has(process),

    async end() {
      isOver = true;
      await Promise.all(
        [...workers].filter(({ process }) => !draining.has(process)).map((worker) => stop(worker, 60_000)),
      );
    },
  };
}

/** Whether a worker may lose a lock without a fault of its own. */
function mayLoseLocks({ plan }: World): boolean {
  const { settlement, delivery, slow } = plan.rates;
  return settlement + delivery + slow > 0 || plan.weather.some(({ service }) => service === 'service-bus');
}
