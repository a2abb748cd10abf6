import { type Ended, type Environment, RECEIVING, type Running, startWorkerProcess } from './processes.ts';

/** So long a worker may take to end after SIGTERM: its SHUTDOWN_TIMEOUT_SECONDS, and what closing may take. */
const END_DEADLINE_MS = 25_000;
/** A worker that cannot be started is started again after so long. */
const RESTART_MS = 250;
const READY_MS = 30_000;

export type CrewOptions = {
  workers: number;
  entry: string;
  environment: Environment;
  folder: string;
  /** Whether any fault was on since then: a worker may end with 1 when a service cannot be opened. */
  hadFaultSince: (atMs: number) => boolean;
};

export type Crew = ReturnType<typeof startCrew>;

/**
 * Keeps so many workers running: one that ends, for whatever reason, is replaced at once. `faults` tells of those that
 * ended as they should not.
 */
export function startCrew({ workers, entry, environment, folder, hadFaultSince }: CrewOptions) {
  const faults: string[] = [];
  const told = new Set<Running>();
  const slots: Running[] = [];
  const ends: Promise<void>[] = [];
  let stopping = false;
  let started = 0;
  let failedStarts = 0;

  function begin(slot: number): void {
    started += 1;
    const name = `worker-${started}`;
    const running = startWorkerProcess(entry, environment, folder, name);
    slots[slot] = running;
    ends.push(
      running.ended.then(async (ended) => {
        const fault = judge(name, running, ended);
        if (fault) faults.push(fault);
        if (stopping || slots[slot] !== running) return;
        await new Promise((resolve) => setTimeout(resolve, RESTART_MS));
        if (!stopping && slots[slot] === running) begin(slot);
      }),
    );
  }

  /** What is wrong with the end of a worker, if anything. */
  function judge(name: string, running: Running, { code, signal }: Ended): string | undefined {
    const hadBegun = running.said(RECEIVING);
    if (code === 1 && !hadBegun && hadFaultSince(running.startedAtMs)) {
      failedStarts += 1;
      return undefined;
    }
    if (!told.has(running)) return `${name} ended by itself with ${code ?? signal}`;
    if (signal === 'SIGKILL' || code === 0 || code === 3) return undefined;
    // Before its program has begun Node knows no handler: SIGTERM ends it as it ends any process, and nothing is held.
    if (signal === 'SIGTERM' && !hadBegun) return undefined;
    return `${name} was told to end and ended with ${code ?? signal}`;
  }

  async function end(running: Running, signal: NodeJS.Signals): Promise<void> {
    told.add(running);
    running.child.kill(signal);
    let late = false;
    const hurry = setTimeout(() => {
      late = true;
      running.child.kill('SIGKILL');
    }, END_DEADLINE_MS);
    await running.ended;
    clearTimeout(hurry);
    if (late) faults.push(`a worker had not ended ${END_DEADLINE_MS / 1000} s after ${signal}`);
  }

  for (let slot = 0; slot < workers; slot += 1) begin(slot);
  return {
    faults,
    get failedStarts() {
      return failedStarts;
    },
    /** Waits until all have been started, but not for long: one that cannot start is for the check to find. */
    async ready(): Promise<void> {
      const untilMs = performance.now() + READY_MS;
      while (slots.some((running) => !running.said(RECEIVING)) && performance.now() < untilMs)
        await new Promise((resolve) => setTimeout(resolve, 20));
    },
    /**
     * Sends the signal to a worker, and starts another in its place without waiting for its end. One that is only starting is
     * spared for one that works, if any does: on a slow machine nothing else would ever happen.
     */
    replace(wanted: number, signal: NodeJS.Signals): void {
      const order = slots.map((_, index) => (wanted + index) % workers);
      const slot = order.find((index) => slots[index]!.said(RECEIVING)) ?? order[0]!;
      const running = slots[slot]!;
      begin(slot);
      ends.push(end(running, signal));
    },
    /** SIGTERM to all, and the end of all. */
    async stop(): Promise<void> {
      stopping = true;
      await Promise.all(slots.map((running) => end(running, 'SIGTERM')));
      await Promise.all(ends);
    },
  };
}
