import { makeKnownSegments } from '../../src/pipeline/assemble.ts';
import { startConsumer } from '../../src/pipeline/consumer.ts';
import { makeGates } from '../../src/pipeline/gates.ts';
import { type Lanes, makeLanes } from '../../src/pipeline/lanes.ts';
import { makeLockKeeper } from '../../src/pipeline/locks.ts';
import type {
  Clock,
  ConversationCache,
  EventSource,
  HistoryStore,
  Log,
  TitleModel,
} from '../../src/pipeline/ports.ts';
import { makeRecent, type Recent } from '../../src/pipeline/recent.ts';
import { makeRoom } from '../../src/pipeline/room.ts';
import { makeTitleGate } from '../../src/pipeline/title-gate.ts';
import { makeTitling } from '../../src/pipeline/titling.ts';
import { makeWarm } from '../../src/pipeline/warm.ts';
import type { Process } from './process.ts';
import type { World } from './world.ts';

/** As in src/worker.ts. */
const RECEIVES_END_MS = 2_000;
/** More than all that a run ever says: what is over the limit is left to Redis, and nobody can promise that it is stored. */
const KEPT_BYTES = 10_000_000;

export type Ports = {
  source: EventSource;
  cache: ConversationCache;
  store: HistoryStore;
  model: TitleModel;
};

export type WorkerWatch = {
  /** An event takes part in the round whose read of Redis comes next. */
  joins(process: Process, enqueuedAtMs: number | undefined): void;
  holds(process: Process, events: number): void;
  failed(process: Process, error: unknown): void;
};

export type Worker = {
  readonly process: Process;
  /** As src/worker.ts stops. Never resolves if the process dies meanwhile. */
  stop(timeoutMs: number, hurry?: AbortSignal): Promise<{ abandoned: number }>;
};

/** The pipeline itself, put together as src/worker.ts does, over ports and a clock of the simulation. */
export function startWorker(world: World, process: Process, ports: Ports, watch: WorkerWatch): Worker {
  const { plan } = world;
  const clock = clockFor(world, process);
  const { source, cache, store, model } = ports;
  const log = silent;
  const locks = makeLockKeeper(clock, log);
  const gate = makeTitleGate(clock, log);
  const titling = makeTitling({ model, gate, maxConcurrency: plan.titleConcurrency, log });
  const gates = makeGates(
    { 'service-bus': source.probe, redis: cache.probe, cosmos: store.probe },
    clock,
    log,
  );
  let ids = 0;
  const lanes = makeLanes({
    cache,
    store,
    titling,
    clock,
    maxMessageBytes: plan.maxMessageBytes,
    pageBytes: plan.pageBytes,
    newId: () => {
      ids += 1;
      return `${process.name}-${ids}`;
    },
    knownSegments: makeKnownSegments(),
    warm: makeWarm(plan.memoryBytes, clock),
    takeRoom: makeRoom(plan.memoryBytes).take,
    keptBytes: KEPT_BYTES,
    maxConcurrency: plan.maxConcurrency,
    turnWaitMs: plan.turnWaitMs,
    locks,
    recent: watched(makeRecent(), process, watch),
    gates,
    log,
    onFatal: (error) => watch.failed(process, error),
  });
  const counted: Lanes = {
    accept(held, done) {
      lanes.accept(held, done);
      watch.holds(process, lanes.inHand);
    },
    drain: lanes.drain,
    get inHand() {
      return lanes.inHand;
    },
  };
  const consumer = startConsumer(source, counted, gates, plan.maxLockedEvents, clock);
  return {
    process,
    async stop(timeoutMs, hurry) {
      const startedMs = clock.now();
      const leftMs = (): number => Math.max(0, timeoutMs - (clock.now() - startedMs));
      const stopped = consumer.stop();
      await Promise.race([stopped, clock.sleep(Math.min(leftMs(), RECEIVES_END_MS))]);
      const first = await lanes.drain(leftMs(), hurry);
      await Promise.race([stopped, clock.sleep(leftMs(), hurry)]);
      const second = await lanes.drain(Math.max(1_000, leftMs()), hurry);
      gates.close();
      locks.close();
      return { abandoned: first.abandoned + second.abandoned };
    },
  };
}

function watched(recent: Recent, process: Process, watch: WorkerWatch): Recent {
  return {
    ...recent,
    covers(key, event, enqueuedAtMs) {
      const isCovered = recent.covers(key, event, enqueuedAtMs);
      if (!isCovered) watch.joins(process, enqueuedAtMs);
      return isCovered;
    },
  };
}

function clockFor({ clock, chance }: World, process: Process): Clock {
  return {
    now: () => clock.nowMs + process.skewMs,
    random: chance.next,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        let isOver = false;
        const end = (): void => {
          if (isOver) return;
          isOver = true;
          signal?.removeEventListener('abort', end);
          if (process.isAlive) resolve();
        };
        if (signal?.aborted) return resolve();
        signal?.addEventListener('abort', end);
        clock.after(ms, end);
      }),
  };
}

const nothing = (): void => undefined;
const silent: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
