export type Dependency = 'service-bus' | 'redis' | 'cosmos' | 'titles';

/** What can go wrong with an event, in one table: logs, dead-letter reasons, metrics and docs all use these codes. */
export type FailureRule = {
  /**
   * dead-letter: the event is set aside under this code. hold: it is kept under its lock and tried again.
   * wait: tried again for TURN_WAIT_SECONDS, then dead-lettered. fallback: only the title suffers.
   */
  outcome: 'dead-letter' | 'hold' | 'wait' | 'fallback';
  /** Which service's trouble it is, where it is a service's as such and not one document's. */
  dependency?: Dependency;
  summary: string;
};

export const failures = {
  InvalidEvent: { outcome: 'dead-letter', summary: 'the body is no event: the description names the field' },
  UnexpectedEventType: { outcome: 'dead-letter', summary: 'the event is of another type' },
  IdentityMismatch: {
    outcome: 'dead-letter',
    summary: 'the conversation in Redis is of another user or session',
  },
  InvalidConversation: { outcome: 'dead-letter', summary: 'the value in Redis is no conversation' },
  ConversationNotFound: { outcome: 'wait', summary: 'neither Redis nor history has the conversation' },
  TurnNotFound: {
    outcome: 'wait',
    summary: 'neither Redis nor history holds the turn; what was there is persisted',
  },
  MessageTooLarge: {
    outcome: 'dead-letter',
    summary: 'a message is over the item limit; everything else is persisted',
  },
  SegmentMissing: {
    outcome: 'wait',
    summary: 'history lists a page that is not there: nothing is written over it',
  },
  ForeignItem: { outcome: 'dead-letter', summary: 'the stored item is not a conversation of this user' },
  PartitionFull: {
    outcome: 'dead-letter',
    summary: "the user's logical partition is full (Cosmos DB 403/1014)",
  },
  RejectedByStore: { outcome: 'dead-letter', summary: 'Cosmos DB refuses this document' },
  CacheUnavailable: { outcome: 'hold', dependency: 'redis', summary: 'Redis refuses, hangs or is away' },
  StoreUnavailable: { outcome: 'hold', dependency: 'cosmos', summary: 'Cosmos DB refuses, hangs or is away' },
  StoreMisconfigured: {
    outcome: 'hold',
    dependency: 'cosmos',
    summary: 'Cosmos DB denies access, or the database or container is missing',
  },
  StoreThrottled: { outcome: 'hold', summary: 'Cosmos DB asks to slow down (429)' },
  WriteContended: { outcome: 'hold', summary: 'other writers won every conditional write so far' },
  TitleUnavailable: {
    outcome: 'fallback',
    dependency: 'titles',
    summary: 'the title model fails or is late',
  },
  TitleRefused: { outcome: 'fallback', summary: 'the title model refuses this conversation for good' },
  TitleUnusable: { outcome: 'fallback', summary: "the title model's answer is no title" },
  ReceiveFailed: { outcome: 'hold', dependency: 'service-bus', summary: 'nothing can be received' },
  LockLost: { outcome: 'hold', summary: 'the lock ran out: the event comes again, perhaps elsewhere' },
  SettlementFailed: {
    outcome: 'hold',
    dependency: 'service-bus',
    summary: 'Service Bus did not take the settlement',
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
