import type { Dependency } from './failures.ts';
import type { Clock, Log } from './ports.ts';

export type GateState = {
  dependency: Dependency;
  isOpen: boolean;
  /** Since when it is as it is. */
  sinceMs: number;
  /** What closed it: a failure's message. Undefined while it is open. */
  reason: string | undefined;
};

/** What stands between the worker and a service: closed while the service as such is away. */
export type Gate = {
  readonly state: GateState;
  /** How often it has opened or closed: tells whether an answer is to a question of before. */
  readonly turns: number;
  /** The work on a conversation failed for this service: closes once it is the second one since anything succeeded. */
  failed(conversation: string, reason: string): void;
  /** Work has succeeded with this service: opens. */
  succeeded(): void;
  /** Closes at once, whoever it failed for. */
  close(reason: string): void;
  /** A probe was answered: opens, but only work that succeeds ends the doubts about this service. */
  answered(): void;
  /** Resolves when it is open, or when `signal` aborts. */
  opened(signal?: AbortSignal): Promise<void>;
};

export type GateOptions = {
  dependency: Dependency;
  clock: Clock;
  log: Log;
  /** What the log says of a closed one. */
  meanwhile?: string;
  /** Told when it closes, and of a single conversation's failure, which says nothing yet of the service. */
  onDoubt?: (state: GateState) => void;
};

/**
 * One gate a service (SPEC §6). One conversation that fails again and again is its own trouble, a poisoned key or a full
 * partition; two in a row without a success between them are the service's. So a service of which every third call fails
 * closes nothing.
 */
export function makeGate({
  dependency,
  clock,
  log,
  meanwhile = 'nothing is received',
  onDoubt,
}: GateOptions): Gate {
  const state: GateState = { dependency, isOpen: true, sinceMs: clock.now(), reason: undefined };
  const failing = new Set<string>();
  const waiting = new Set<() => void>();
  let turns = 0;

  function turn(isOpen: boolean, reason: string | undefined): void {
    if (state.isOpen === isOpen) return;
    turns += 1;
    Object.assign(state, { isOpen, sinceMs: clock.now(), reason });
    if (isOpen) log.info({ dependency }, 'gate opened');
    else log.warn({ code: 'GateClosed', dependency, reason }, `gate closed: ${meanwhile} meanwhile`);
    if (!isOpen) return;
    for (const resolve of waiting) resolve();
    waiting.clear();
  }

  return {
    state,
    get turns() {
      return turns;
    },
    failed(conversation, reason) {
      failing.add(conversation);
      if (failing.size > 1) turn(false, reason);
      onDoubt?.(state);
    },
    close(reason) {
      turn(false, reason);
      onDoubt?.(state);
    },
    succeeded() {
      failing.clear();
      turn(true, undefined);
    },
    answered: () => turn(true, undefined),
    opened(signal) {
      if (state.isOpen || signal?.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const end = (): void => {
          waiting.delete(end);
          signal?.removeEventListener('abort', end);
          resolve();
        };
        waiting.add(end);
        signal?.addEventListener('abort', end);
      });
    },
  };
}
