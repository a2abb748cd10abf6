import type { TurnEvent } from '../history/event.ts';
import type { Dependency, FailureCode } from './failures.ts';
import type { HeldEvent } from './ports.ts';

/** What is known of a call to a service once it was answered. */
export type CallFacts = {
  requestUnits?: number;
  /** Attempts beyond the first that the client made by itself. */
  retries?: number;
  /** The service's own status, as 404 or 'WRONGTYPE'. */
  status?: number | string;
  /** Of what was read or written. */
  bytes?: number;
  model?: string;
  inputTokens?: number;
  outputTokens?: number;
};

/** What is known of a round once history holds what it read. */
export type RoundFacts = {
  messages?: number;
  segments?: number;
  /** Of the snapshot as it came from Redis. */
  bytes?: number;
  write?: 'create' | 'replace' | 'patch' | 'none';
  /** Lost races with other writers. */
  conflicts?: number;
};

/** What became of an event: a settlement that Service Bus took, or one that it will deliver again. */
export type EventOutcome =
  | { kind: 'complete' | 'abandon' }
  | { kind: 'dead-letter' | 'lost'; code: FailureCode };

export type TitleResult = 'stored' | 'overtaken' | 'refused' | 'unusable' | 'unavailable';

/** One event in hand, watched until its end. */
export type EventWatch = {
  /** Runs what is done for this event alone, under its own name. */
  run<T>(step: 'settle' | 'renew', work: () => Promise<T>): Promise<T>;
  /** History holds its turn. */
  durable(): void;
  /** Called once. */
  ended(outcome: EventOutcome): void;
};

/**
 * Who looks on while the pipeline works: traces and metrics come from it. It never throws, changes nothing, and hands on what
 * the work returns or throws as it is.
 */
export type Watch = {
  /** An event was received; `event` is undefined where the body is none. */
  received(held: HeldEvent, event: TurnEvent | undefined): EventWatch;
  /** The work for one or more events of a conversation: it bears the first one's ids, and links to all of them. */
  round<T>(
    events: readonly EventWatch[],
    work: (note: (facts: RoundFacts) => void) => Promise<T>,
  ): Promise<T>;
  /** One call to a service, under its deadline. `operation` is a word of the adapter's: get, read, create, replace, patch, … */
  call<T>(
    service: Dependency,
    operation: string,
    work: (note: (facts: CallFacts) => void) => Promise<T>,
  ): Promise<T>;
  /** A title that was asked for has come to something. */
  titled(result: TitleResult): void;
};

const nothing = (): void => undefined;

/** Nobody looks on. */
export const unwatched: Watch = {
  received: () => ({ run: (_step, work) => work(), durable: nothing, ended: nothing }),
  round: (_events, work) => work(nothing),
  call: (_service, _operation, work) => work(nothing),
  titled: nothing,
};
