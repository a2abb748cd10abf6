import type { Config } from '../config.ts';
import { aborted } from '../operations/aborted.ts';
import type { Outcome } from '../operations/dead-letters-chosen.ts';
import { groupDeadLetters } from '../operations/dead-letters-list.ts';
import { type ReplayState, replayDeadLetters } from '../operations/dead-letters-replay.ts';
import { countOf, failuresOf } from '../operations/dead-letters-replay-run.ts';
import { describeError, describeErrors } from '../operations/errors.ts';
import type { Log } from '../pipeline/ports.ts';

/** All of a reason, or one. */
export type Target = { reason: string } | { sequenceNumber: string };

export type Replay = {
  id: number;
  target: Target;
  state: 'running' | 'done' | 'interrupted' | 'failed';
  startedAt: string;
  endedAt?: string;
  chosen: number;
  replayed: number;
  /** Failed again and stay, by reason. */
  failed: { reason: string; count: number; description: string }[];
  /** As they were, or somebody else has them. */
  notMet: number;
  /** Met on the way, and locked for as long as a lock lasts. */
  stillLocked: number;
  waitingFor: readonly string[];
  error?: string;
};

export type Begun = { kind: 'begun' | 'under way' | 'another'; replay: Replay } | { kind: 'ending' };

export type Replays = {
  /** Begins one, unless one is under way: of the same it is the answer, of another it has to be waited for. None once it is stopped. */
  begin(target: Target): Begun;
  /** The last ones, the newest first. */
  all(): readonly Replay[];
  /** The client of Service Bus is not to be trusted any more. */
  reconnect(): void;
  /** Finishes what is in hand or gives it back. */
  stop(): void;
  /** Resolves once nothing is under way, or after `withinMs`, or soon after `hurry`: what is locked then comes again by itself. */
  ended(withinMs: number, hurry?: AbortSignal): Promise<void>;
};

const KEPT = 10;
const TELL_EVERY_MS = 250;
const HURRIED_MS = 1_000;

/** One replay at a time, by the code of `dead-letters replay`. `onChange` is told of each change, but not too often. */
export function makeReplays(config: Config, log: Log, onChange: (replay: Replay) => void): Replays {
  const replays: Replay[] = [];
  const stopping = new AbortController();
  const hurrying = new AbortController();
  let underWay: { replay: Replay; ended: Promise<void> } | undefined;
  let reconnect = (): void => undefined;
  let lastId = 0;

  async function run(replay: Replay): Promise<void> {
    const failing = new AbortController();
    let toldAtMs = performance.now();
    const tell = (): void => {
      toldAtMs = performance.now();
      onChange(replay);
    };
    const note = (outcomes: ReadonlyMap<string, Outcome>): void => {
      replay.replayed = countOf(outcomes, 'completed');
      replay.failed = [...failuresOf(outcomes)].map(([reason, rest]) => ({ reason, ...rest }));
    };
    const onProgress = ({ outcomes, waitingFor }: ReplayState): void => {
      if (performance.now() - toldAtMs < TELL_EVERY_MS) return;
      note(outcomes);
      replay.waitingFor = waitingFor;
      tell();
    };
    try {
      const sequences = await chosen(config, replay.target);
      replay.chosen = sequences.size;
      tell();
      if (sequences.size > 0 && !stopping.signal.aborted) {
        const { outcomes, stillLocked } = await replayDeadLetters(config, sequences, {
          log,
          signal: AbortSignal.any([stopping.signal, failing.signal]),
          hurry: hurrying.signal,
          onFatal(error) {
            log.error({ code: 'UnhandledError', reason: describeError(error) }, 'a replay has failed');
            replay.error = describeError(error);
            failing.abort();
          },
          onStart: (worker) => {
            reconnect = () => worker.reconnect();
          },
          onProgress,
        });
        note(outcomes);
        replay.notMet = sequences.size - outcomes.size;
        replay.stillLocked = stillLocked;
      }
      if (replay.error !== undefined) replay.state = 'failed';
      else replay.state = stopping.signal.aborted ? 'interrupted' : 'done';
    } catch (error) {
      replay.error = describeErrors(error);
      replay.state = 'failed';
    }
    replay.waitingFor = [];
    replay.endedAt = new Date().toISOString();
    reconnect = () => undefined;
    underWay = undefined;
    const { id, state, chosen: count, replayed, notMet, error } = replay;
    const told = { replay: id, state, chosen: count, replayed, notMet };
    log.info(error === undefined ? told : { ...told, reason: error }, 'console: a replay has ended');
    tell();
  }

  return {
    begin(target) {
      if (underWay) {
        const { replay } = underWay;
        return { kind: isSame(replay.target, target) ? 'under way' : 'another', replay };
      }
      if (stopping.signal.aborted) return { kind: 'ending' };
      lastId += 1;
      const replay: Replay = {
        id: lastId,
        target,
        state: 'running',
        startedAt: new Date().toISOString(),
        chosen: 0,
        replayed: 0,
        failed: [],
        notMet: 0,
        stillLocked: 0,
        waitingFor: [],
      };
      replays.unshift(replay);
      replays.splice(KEPT);
      underWay = { replay, ended: Promise.resolve() };
      underWay.ended = run(replay);
      return { kind: 'begun', replay };
    },
    all: () => replays,
    reconnect: () => reconnect(),
    stop: () => stopping.abort(),
    async ended(withinMs, hurry = hurrying.signal) {
      const ended = underWay?.ended;
      if (!ended) return;
      await Promise.race([ended, after(withinMs), aborted(hurry)]);
      hurrying.abort();
      await Promise.race([ended, after(HURRIED_MS)]);
    },
  };
}

async function chosen(config: Config, target: Target): Promise<ReadonlySet<string>> {
  if ('sequenceNumber' in target) return new Set([target.sequenceNumber]);
  return (await groupDeadLetters(config, { reasons: [target.reason] })).sequences;
}

const isSame = (one: Target, other: Target): boolean => JSON.stringify(one) === JSON.stringify(other);

const after = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms).unref());
