import { randomUUID } from 'node:crypto';
import { openChatCompletions } from './azure/chat-completions.ts';
import { openCosmos } from './azure/cosmos.ts';
import { makeCredential } from './azure/credential.ts';
import { withDeadline } from './azure/deadline.ts';
import { openRedis } from './azure/redis.ts';
import { openServiceBus } from './azure/service-bus.ts';
import type { Config } from './config.ts';
import { makeKnownSegments } from './pipeline/assemble.ts';
import { startConsumer } from './pipeline/consumer.ts';
import { MAX_MESSAGE_BYTES } from './pipeline/fit.ts';
import type { GateState } from './pipeline/gate.ts';
import { makeGates } from './pipeline/gates.ts';
import type { Settled } from './pipeline/hand.ts';
import { makeLanes } from './pipeline/lanes.ts';
import { makeLockKeeper } from './pipeline/locks.ts';
import type { Clock, Log } from './pipeline/ports.ts';
import { makeRecent } from './pipeline/recent.ts';
import { makeRoom } from './pipeline/room.ts';
import { makeTitleGate } from './pipeline/title-gate.ts';
import { makeTitling } from './pipeline/titling.ts';

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
  /** Goes on over a new connection to Service Bus: the present one is not to be trusted. */
  reconnect(): void;
  /**
   * Stops receiving, finishes what is in hand within the time-out or until told to hurry, abandons the rest, closes everything.
   */
  stop(timeoutMs: number, hurry?: AbortSignal): Promise<{ abandoned: number }>;
};

/**
 * Connects the four services and starts to work.
 * @throws what kept a service from being opened; nothing stays open then
 */
export async function startWorker(
  config: Config,
  log: Log,
  onFatal: (error: unknown) => void,
  onSettled?: (settled: Settled) => void,
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
  const opening = await Promise.allSettled([
    openCosmos(config, credential),
    openRedis(config, credential, log),
    openServiceBus(config, credential, log),
  ]);
  for (const result of opening) if (result.status === 'fulfilled') opened.push(result.value);
  const [store, cache, source] = opening;
  if (store.status === 'rejected' || cache.status === 'rejected' || source.status === 'rejected') {
    await closeAll();
    throw new AggregateError(
      opening.flatMap((result) => (result.status === 'rejected' ? [result.reason] : [])),
      'a service could not be opened',
    );
  }

  let state: Worker['state'] = 'RUNNING';
  const fail = (error: unknown): void => {
    state = 'FAILED';
    onFatal(error);
  };
  const locks = makeLockKeeper(clock, log);
  const titleGate = makeTitleGate(clock, log);
  const titling = makeTitling({
    model: openChatCompletions(config, credential),
    gate: titleGate,
    maxConcurrency: config.titles.maxConcurrency,
    log,
  });
  const gates = makeGates(
    { 'service-bus': source.value.probe, redis: cache.value.probe, cosmos: store.value.probe },
    clock,
    log,
  );
  const lanes = makeLanes({
    cache: cache.value,
    store: store.value,
    titling,
    clock,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    pageBytes: config.pageBytes,
    newId: randomUUID,
    knownSegments: makeKnownSegments(),
    takeRoom: makeRoom(config.memoryBytes).take,
    maxConcurrency: config.maxConcurrency,
    turnWaitMs: config.turnWaitMs,
    locks,
    recent: makeRecent(),
    gates,
    log,
    onFatal: fail,
    onSettled,
  });
  const consumer = startConsumer(source.value, lanes, gates, config.maxLockedEvents, clock);
  return {
    get state() {
      return state;
    },
    get held() {
      return lanes.inHand;
    },
    gates: [...gates.states, titleGate.state],
    reconnect: () => source.value.reconnect(),
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

const clock: Clock = {
  now: Date.now,
  random: Math.random,
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const end = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal?.addEventListener('abort', end);
    }),
};
