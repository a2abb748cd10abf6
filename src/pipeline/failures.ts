export type Dependency = 'service-bus' | 'redis' | 'cosmos' | 'titles';

/** What can go wrong with an event, in one table: logs, dead-letter reasons, metrics and docs all use these codes. */
export type FailureRule = {
  /**
   * dead-letter: the event is set aside under this code. hold: it is kept under its lock and tried again.
   * wait: tried again for TURN_WAIT_SECONDS, then dead-lettered. fallback: only the title suffers. notice: no event's
   * trouble, but worth a line in the log.
   */
  outcome: 'dead-letter' | 'hold' | 'wait' | 'fallback' | 'notice';
  /** Which service's trouble it is, where it is a service's as such and not one document's. */
  dependency?: Dependency;
  summary: string;
  /** What a person can do about it. */
  remedy: string;
};

export const failures = {
  InvalidEvent: {
    outcome: 'dead-letter',
    summary: 'the body is no event: the description names the field',
    remedy: 'mend the publisher; send the event again, or reconcile the conversation while Redis has it',
  },
  UnexpectedEventType: {
    outcome: 'dead-letter',
    summary: 'the event is of another type',
    remedy: 'give the subscription a filter, or take the publisher off the topic',
  },
  IdentityMismatch: {
    outcome: 'dead-letter',
    summary: 'the conversation in Redis is of another user or session',
    remedy: 'find out who writes the keys: nobody’s history was touched',
  },
  InvalidConversation: {
    outcome: 'dead-letter',
    summary: 'the value in Redis is no conversation',
    remedy: 'mend the publisher, then replay',
  },
  ConversationNotFound: {
    outcome: 'wait',
    summary: 'neither Redis nor history has the conversation',
    remedy:
      'it expired before it was worked, or was never written: look at the age of events and at the publisher',
  },
  TurnNotFound: {
    outcome: 'wait',
    summary: 'neither Redis nor history holds the turn; what was there is persisted',
    remedy: 'look at the replication of Redis and at the order of the publisher’s writes; replay',
  },
  MessageTooLarge: {
    outcome: 'dead-letter',
    summary: 'a message is over the item limit; everything else is persisted',
    remedy: 'keep such content elsewhere and refer to it; a marker holds the message’s place',
  },
  SegmentMissing: {
    outcome: 'wait',
    summary: 'history lists a page that is not there: nothing is written over it',
    remedy: 'restore the item from a backup, then replay',
  },
  ForeignItem: {
    outcome: 'dead-letter',
    summary: 'the stored item is not a conversation of this user',
    remedy: 'give the worker a container of its own, or find out who wrote the item',
  },
  PartitionFull: {
    outcome: 'dead-letter',
    summary: 'the user’s logical partition is full (Cosmos DB 403/1014)',
    remedy: 'move or erase some of this user’s history, then replay',
  },
  RejectedByStore: {
    outcome: 'dead-letter',
    summary: 'Cosmos DB refuses this document',
    remedy: 'the description has the status; replay when it is mended',
  },
  CacheUnavailable: {
    outcome: 'hold',
    dependency: 'redis',
    summary: 'Redis refuses, hangs or is away',
    remedy: 'bring it back before its keys expire (24 h); nothing else is to be done',
  },
  StoreUnavailable: {
    outcome: 'hold',
    dependency: 'cosmos',
    summary: 'Cosmos DB refuses, hangs or is away',
    remedy: 'bring it back before the keys of Redis expire (24 h); nothing else is to be done',
  },
  StoreMisconfigured: {
    outcome: 'hold',
    dependency: 'cosmos',
    summary: 'Cosmos DB denies access, or the database or container is missing',
    remedy: 'give the identity its data role, or create what is missing: the worker goes on by itself',
  },
  StoreThrottled: {
    outcome: 'hold',
    summary: 'Cosmos DB asks to slow down (429)',
    remedy: 'raise the throughput if it lasts: the worker lowers its own rate meanwhile',
  },
  WriteContended: {
    outcome: 'hold',
    summary: 'other writers won every conditional write so far',
    remedy: 'nothing; if it lasts, find out who writes this item all the time',
  },
  TitleUnavailable: {
    outcome: 'fallback',
    dependency: 'titles',
    summary: 'the title model fails or is late',
    remedy: 'bring it back: a later event brings the title',
  },
  TitleRefused: {
    outcome: 'fallback',
    summary: 'the title model refuses this conversation for good',
    remedy: 'nothing: the user may name it',
  },
  TitleUnusable: {
    outcome: 'fallback',
    summary: 'the title model’s answer is no title',
    remedy: 'look at the model if there are many',
  },
  ReceiveFailed: {
    outcome: 'hold',
    dependency: 'service-bus',
    summary: 'nothing can be received',
    remedy: 'look at the namespace, the subscription and the identity’s role: the worker goes on by itself',
  },
  LockLost: {
    outcome: 'hold',
    summary: 'the lock ran out: the event comes again, perhaps elsewhere',
    remedy: 'nothing; if there are many, give the subscription a longer lock duration',
  },
  SettlementFailed: {
    outcome: 'hold',
    dependency: 'service-bus',
    summary: 'Service Bus did not take the settlement',
    remedy: 'nothing: it is tried again as long as the lock lives, and the event may come again',
  },
  GateClosed: {
    outcome: 'notice',
    summary:
      'a service is away: until it answers nothing is received, or without the title model fallback titles are stored',
    remedy: 'see the failure of that service',
  },
  LinkSilent: {
    outcome: 'notice',
    summary: 'a message waited and nothing came: the connection was replaced',
    remedy: 'nothing; if it is said often, a message may be locked by somebody else for long',
  },
  StrayRejection: {
    outcome: 'notice',
    summary: 'the Service Bus client dropped an error of its own: the connection was replaced',
    remedy: 'nothing',
  },
  TelemetryFailed: {
    outcome: 'notice',
    summary: 'traces, metrics or logs are not delivered: no event waits for them',
    remedy: 'look at the receiver and at what the variables say of it; what was not delivered is lost',
  },
  NoProgress: {
    outcome: 'notice',
    summary: 'the consumer is stuck: /livez says so, for the platform to start it anew',
    remedy: 'report it, with the log line; nothing is lost by a restart',
  },
  HealthUnavailable: {
    outcome: 'notice',
    summary: 'the health server cannot listen where it is to',
    remedy:
      'give HEALTH_PORT another port, 0 for any free one, or off; HEALTH_HOST an address of the machine',
  },
  UnhandledError: {
    outcome: 'notice',
    summary: 'an error that no rule knows: the process drains and ends with code 1',
    remedy: 'report it, with the log line',
  },
} as const satisfies Record<string, FailureRule>;

/** Whose trouble a failure is, if it is a service's as such. */
export const dependencyOf = (code: FailureCode): Dependency | undefined =>
  (failures[code] as FailureRule).dependency;

/** Whether trying again would bring the same: the event is set aside. */
export const isFinal = (code: FailureCode): boolean => failures[code].outcome === 'dead-letter';

export type FailureCode = keyof typeof failures;

/** A failure under its code. The message says what was found and expected; never content, never a credential. */
export class Failure extends Error {
  override name = 'Failure';
  readonly code: FailureCode;
  /** When the service says how long to stay away. */
  readonly retryAfterMs: number | undefined;
  constructor(
    code: FailureCode,
    description: string,
    options: { cause?: unknown; retryAfterMs?: number | undefined } = {},
  ) {
    super(description, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }
}
