import { type Contestant, type Running, start } from './contestants.ts';
import { type Load, openFront } from './load.ts';
import { type Delays, difference, type Environment, type StandIns, startStandIns } from './stand-ins.ts';
import type { Figures } from './statistics.ts';
import { verify } from './verify.ts';

/** A backlog has waited longer than the clocks of the parties may differ: what a process remembers counts from then. */
const WAITED_MS = 6_000;
const VERIFIED = 25;

export type Drain = {
  contestant: Contestant;
  load: Load;
  delays?: Delays;
  /** Of the contestant. */
  environment?: Environment;
  /** So many processes of it. */
  processes?: number;
  /** Told of the processes, about ten times a second. */
  watch?: (running: readonly Running[], completed: number) => void;
};

/** Puts a load in, lets a contestant work it off, and checks what is stored. */
export async function drain({
  contestant,
  load,
  delays,
  environment,
  processes = 1,
  watch,
}: Drain): Promise<Figures> {
  const standIns = await startStandIns(delays);
  try {
    const front = await openFront(standIns.environment);
    await front.publish(load);
    await front.close();
    await sleep(WAITED_MS);
    const before = await standIns.counts();
    const settings = { LOG_LEVEL: 'INFO', ...standIns.environment, ...environment };
    const running = await Promise.all(Array.from({ length: processes }, () => start(contestant, settings)));
    const begunMs = performance.now();
    const events = load.conversations * load.turns;
    await until(standIns, events, (completed) => watch?.(running, completed));
    const seconds = (performance.now() - begunMs) / 1_000;
    const figures = {
      perSecond: events / seconds,
      ...perEvent(difference(before, await standIns.counts()), events),
      cpuMs: sum(running.map((one) => one.cpuMs())) / events,
      peakMb: Math.max(...running.map((one) => one.peakMb())),
    };
    for (const one of running) await one.stop();
    if (contestant !== 'ceiling') {
      const step = Math.max(1, Math.floor(load.conversations / VERIFIED));
      const indexes = Array.from({ length: load.conversations }, (_, index) => index).filter(
        (index) => index % step === 0,
      );
      await verify(standIns.environment, indexes, load.turns, load.answerBytes);
    }
    return figures;
  } finally {
    await standIns.close();
  }
}

/** Waits until so many events were completed. */
export async function until(
  standIns: StandIns,
  events: number,
  onLook: (completed: number) => void = () => undefined,
): Promise<void> {
  for (;;) {
    const { completed } = await standIns.counts();
    onLook(completed);
    if (completed >= events) return;
    await sleep(50);
  }
}

/** Counts that hold on any machine, for one event. */
export const perEvent = (counts: Awaited<ReturnType<StandIns['counts']>>, events: number): Figures => ({
  requestUnits: counts.requestUnits / events,
  chatRequests: counts.chatRequests / events,
  redisCommands: counts.redisCommands / events,
  cosmosReads: counts.cosmosReads / events,
  cosmosWrites: counts.cosmosWrites / events,
  bytes: counts.bytes / events,
});

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
