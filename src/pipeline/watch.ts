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
  /** The model that is asked. */
  model?: string;
  /** The model that answered, as it calls itself. */
  answeredBy?: string;
  /** Bytes of a question that a model is being asked, at each attempt; 0: that attempt was never sent. */
  asked?: number;
  inputTokens?: number;
  outputTokens?: number;
  /** What was said to a model and by it: for nobody but who was told to record it. */
  content?: { input: readonly { role: string; content: string }[]; output: string };
};

/** What is known of a round, noted piece by piece while it is made. */
export type RoundFacts = {
  messages?: number;
  segments?: number;
  /** Of the snapshot as it came from Redis. */
  bytes?: number;
  write?: 'create' | 'replace' | 'append' | 'none';
  /** Lost races with other writers. */
  conflicts?: number;
};

/** What became of an event: a settlement that Service Bus took, or one that it will deliver again. */
export type EventOutcome =
  | { kind: 'complete' | 'abandon' }
  | { kind: 'dead-letter' | 'lost'; code: FailureCode };

/** What a title that was asked for can come to. */
export const titleResults = ['stored', 'overtaken', 'refused', 'unusable', 'unavailable'] as const;
export type TitleResult = (typeof titleResults)[number];

/** One event in hand, watched until its end. */
export type EventWatch = {
  /** Runs what is done for this event under its own name; `others` share what is done, as the lock of a session. */
  run<T>(step: 'settle' | 'renew', work: () => Promise<T>, others?: readonly EventWatch[]): Promise<T>;
  /** Has a line of the log bear its name. */
  say(line: () => void): void;
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
  /** An event was received; of a body that is none, `event` has the ids that it says. */
  received(held: HeldEvent, event: Partial<TurnEvent>): EventWatch;
  /** The work for one or more events of a conversation: it bears the first one's ids, and links to all of them. */
  round<T>(
    events: readonly EventWatch[],
    work: (note: (facts: RoundFacts) => void) => Promise<T>,
  ): Promise<T>;
  /**
   * One call to a service, under its deadline. `operation` is a word of the adapter's: get, read, create, replace, patch, …
   * A `probe` asks whether it is there; a `receive` is as long as nothing comes.
   */
  call<T>(
    service: Dependency,
    operation: string,
    work: (note: (facts: CallFacts) => void) => Promise<T>,
  ): Promise<T>;
  /** A title that was asked for has come to something: told once for each that the model was asked for. */
  titled(result: TitleResult): void;
};

const nothing = (): void => undefined;

/** Nobody looks on. */
export const unwatched: Watch = {
  received: () => ({
    run: (_step, work) => work(),
    say: (line) => line(),
    durable: nothing,
    ended: nothing,
  }),
  round: (_events, work) => work(nothing),
  call: (_service, _operation, work) => work(nothing),
  titled: nothing,
};

type Both = EventWatch & { one: EventWatch; other: EventWatch };

/** Two who look on: what the one puts around the work, the other finds there. */
export function bothOf(one: Watch, other: Watch): Watch {
  const of = (side: 'one' | 'other', events: readonly EventWatch[] = []): EventWatch[] =>
    events.map((event) => (event as Both)[side]);
  return {
    received(held, event): Both {
      const both = { one: one.received(held, event), other: other.received(held, event) };
      return {
        ...both,
        run: (step, work, others) =>
          both.one.run(step, () => both.other.run(step, work, of('other', others)), of('one', others)),
        say: (line) => both.one.say(() => both.other.say(line)),
        durable() {
          both.one.durable();
          both.other.durable();
        },
        ended(outcome) {
          both.one.ended(outcome);
          both.other.ended(outcome);
        },
      };
    },
    round: (events, work) =>
      one.round(of('one', events), (note) =>
        other.round(of('other', events), (alsoNote) =>
          work((facts) => {
            note(facts);
            alsoNote(facts);
          }),
        ),
      ),
    call: (service, operation, work) =>
      one.call(service, operation, (note) =>
        other.call(service, operation, (alsoNote) =>
          work((facts) => {
            note(facts);
            alsoNote(facts);
          }),
        ),
      ),
    titled(result) {
      one.titled(result);
      other.titled(result);
    },
  };
}
