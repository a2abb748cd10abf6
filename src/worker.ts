import { randomUUID } from 'node:crypto';
import { openChatCompletions } from './azure/chat-completions.ts';
import { openCosmos } from './azure/cosmos.ts';
import { makeCredential } from './azure/credential.ts';
import { withDeadline } from './azure/deadline.ts';
import { openRedis } from './azure/redis.ts';
import { openServiceBus } from './azure/service-bus.ts';
import type { Aged } from './azure/service-bus-client.ts';
import { type Depth, makeDepth } from './azure/service-bus-depth.ts';
import { clock } from './clock.ts';
import type { Config } from './config.ts';
import { untilOpened } from './opening.ts';
import { makeKnownSegments } from './pipeline/assemble.ts';
import { startConsumer } from './pipeline/consumer.ts';
import { MAX_MESSAGE_BYTES } from './pipeline/fit.ts';
import type { GateState } from './pipeline/gate.ts';
import { makeGates, type Needed } from './pipeline/gates.ts';
import type { Settled } from './pipeline/hand.ts';
import { makeLanes } from './pipeline/lanes.ts';
import { makeLockKeeper } from './pipeline/locks.ts';
import type { EventSource, Log, Probe } from './pipeline/ports.ts';
import { makeProgress } from './pipeline/progress.ts';
import { makeRecent } from './pipeline/recent.ts';
import { makeRoom } from './pipeline/room.ts';
import { makeTitleGate } from './pipeline/title-gate.ts';
import { makeTitling } from './pipeline/titling.ts';
import { makeWarm } from './pipeline/warm.ts';
import { unwatched, type Watch } from './pipeline/watch.ts';

const CLOSE_DEADLINE_MS = 2_000;
/** Longer than a receive takes that brings nothing, unless Service Bus does not answer. */
const RECEIVES_END_MS = 2_000;

export type Worker = {
  /** INITIALIZED is past when this is handed out; FAILED means that the process must end with code 1. */
  readonly state: 'RUNNING' | 'DRAINING' | 'STOPPED' | 'FAILED';
  /** Events in hand: received and not yet settled. */
  readonly held: number;
  /** Whether each service is thought to be there. */
  readonly gates: readonly GateState[];
  /** What does not move any more, if something does not that should (SPEC §9); undefined while all is well. */
  stuck(): string | undefined;
  /** What Service Bus says of the subscription. @throws the client's error */
  readonly subscription: {
    /** When its oldest event was enqueued, whoever holds it; undefined: there is none. */
    oldestEnqueuedAtMs(): Promise<number | undefined>;
    /** Undefined where the identity may not read it. */
    depth(): Promise<Depth | undefined>;
  };
  /** Goes on over a new connection to Service Bus: the present one is not to be trusted. */
  reconnect(): void;
  /**
   * Stops receiving, finishes what is in hand within the time-out or until told to hurry, abandons the rest, closes everything.
   */
  stop(timeoutMs: number, hurry?: AbortSignal): Promise<{ abandoned: number }>;
};

type OpenSource = (...args: Parameters<typeof openServiceBus>) => Promise<EventSource & Partial<Aged>>;

export type WorkerOptions = {
  /** An error that no rule knows: the process is to stop the worker and end. */
  onFatal(error: unknown): void;
  onSettled?: ((settled: Settled) => void) | undefined;
  /** Told at the start, of each service as soon as it is there. */
  onOpened?: ((dependency: Needed) => void) | undefined;
  /** Told at the start, of each service that is not there yet, as often as it is tried. */
  onAway?: ((dependency: Needed, reason: string) => void) | undefined;
  watch?: Watch | undefined;
  /** Where the events come from. */
  openSource?: OpenSource | undefined;
};

/**
 * Connects the four services, waits for those that are away, and starts to work.
 * @throws what a service refuses for good; nothing stays open then
 */
export async function startWorker(
  config: Config,
  log: Log,
  { onFatal, onSettled, onOpened, onAway, watch = unwatched, openSource = openServiceBus }: WorkerOptions,
): Promise<Worker> {
  const credential = makeCredential(config.azureClientId);
  const opened: { close(): Promise<void> }[] = [];
  const closeAll = async (): Promise<void> => {
    // A client on a dead socket may never finish closing; the process is about to end anyway.
    const close = (service: { close(): Promise<void> }): Promise<void> =>
      withDeadline(CLOSE_DEADLINE_MS, 'closing', () => service.close()).catch((error: Error) =>
        log.warn({ reason: error.message }, 'a service was not closed'),
      );
    await Promise.all(opened.map(close));
  };
  const givingUp = new AbortController();
  const patience = { log, clock, signal: givingUp.signal };
  const open = async <T>(dependency: Needed, how: () => Promise<T>): Promise<T> => {
    const service = await untilOpened(dependency, how, {
      ...patience,
      onAway: (reason) => onAway?.(dependency, reason),
    });
    onOpened?.(dependency);
    return service;
  };
  const cosmos = open('cosmos', () => openCosmos(config, credential, watch));
  const redis = open('redis', () => openRedis(config, credential, log, watch));
  const others = Promise.all([cosmos, redis]);
  // Service Bus may not have come so far as to wait for them.
  others.catch(() => undefined);
  const serviceBus = open('service-bus', () => openSource(config, credential, log, { others, watch }));
  const [store, cache, source] = await Promise.all([cosmos, redis, serviceBus]).catch(async () => {
    // Whatever else is refused is named as well; each attempt has a deadline of its own.
    givingUp.abort();
    const opening = await Promise.allSettled([cosmos, redis, serviceBus]);
    for (const result of opening) if (result.status === 'fulfilled') opened.push(result.value);
    await closeAll();
    const reasons = opening.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    throw new AggregateError([...new Set(reasons)], 'a service could not be opened');
  });
  opened.push(store, cache, source);

  let state: Worker['state'] = 'RUNNING';
  const fail = (error: unknown): void => {
    state = 'FAILED';
    onFatal(error);
  };
  const locks = makeLockKeeper(clock, log);
  const titleGate = makeTitleGate(clock, log);
  const titling = makeTitling({
    model: openChatCompletions(config, credential, watch),
    gate: titleGate,
    maxConcurrency: config.titles.maxConcurrency,
    log,
    watch,
  });
  const progress = makeProgress(clock);
  const noted =
    (probe: Probe): Probe =>
    () =>
      probe().finally(progress.probed);
  const gates = makeGates(
    {
      'service-bus': noted(source.probe),
      redis: noted(cache.probe),
      cosmos: noted(store.probe),
    },
    clock,
    log,
  );
  const lanes = makeLanes({
    cache,
    store,
    titling,
    clock,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    pageBytes: config.pageBytes,
    newId: randomUUID,
    knownSegments: makeKnownSegments(),
    warm: makeWarm(config.memoryBytes, clock),
    takeRoom: makeRoom(config.memoryBytes).take,
    keptBytes: config.memoryBytes,
    maxConcurrency: config.maxConcurrency,
    turnWaitMs: config.turnWaitMs,
    locks,
    recent: makeRecent(),
    gates,
    log,
    onFatal: fail,
    onSettled,
    onMoved: progress.worked,
    watch,
  });
  const consumer = startConsumer(source, lanes, gates, config.maxLockedEvents, clock, progress.received);
  return {
    get state() {
      return state;
    },
    get held() {
      return lanes.inHand;
    },
    gates: [...gates.states, titleGate.state],
    stuck: () =>
      state === 'RUNNING'
        ? progress.stuck({ gates: gates.states, held: lanes.inHand, maxHeld: config.maxLockedEvents })
        : undefined,
    subscription: {
      oldestEnqueuedAtMs: async () => source.oldestEnqueuedAtMs?.(),
      depth: makeDepth(config, credential, log),
    },
    reconnect: () => source.reconnect(),
    async stop(timeoutMs, hurry) {
      if (state === 'RUNNING') state = 'DRAINING';
      const startedMs = clock.now();
      const leftMs = (): number => Math.max(0, timeoutMs - (clock.now() - startedMs));
      const stopped = consumer.stop();
      // What is handed back while receives are under way comes straight back over them, and has cost a delivery for nothing.
      await Promise.race([stopped, clock.sleep(Math.min(leftMs(), RECEIVES_END_MS))]);
      // Events that were on their way when receiving stopped are handed back by the second drain.
      const first = await lanes.drain(leftMs(), hurry);
      await Promise.race([stopped, clock.sleep(leftMs(), hurry)]);
      const second = await lanes.drain(Math.max(1_000, leftMs()), hurry);
      gates.close();
      locks.close();
      await closeAll();
      if (state === 'DRAINING') state = 'STOPPED';
      return { abandoned: first.abandoned + second.abandoned };
    },
  };
}
