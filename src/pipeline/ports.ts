import type { Message } from '../history/conversation.ts';
import type { HistoryDocument } from '../history/document.ts';
import type { Segment } from '../history/segment.ts';
import type { TitleLine } from '../history/title.ts';

export type Settlement =
  | { kind: 'complete' }
  | { kind: 'abandon' }
  | { kind: 'dead-letter'; reason: string; description: string };

/** A lock of the broker: an event's own, or that of a session, which all events of the session share. */
export type Lock = {
  /** By this machine's clock, as far as it can be told. */
  lockedUntilMs: number;
  /** Renews the lock; answers until when. @throws Failure LockLost when there is no lock any more */
  renew(): Promise<number>;
};

/** An event that this process holds under a lock. */
export type HeldEvent = {
  body: unknown;
  messageId: string | undefined;
  /** The broker's own number, by which a message is found again. */
  sequenceNumber?: string | undefined;
  /** The Service Bus session, where the subscription has sessions: its events are worked in order. */
  sessionId?: string | undefined;
  enqueuedAtMs: number | undefined;
  readonly lock: Lock;
  /** 0 at the first delivery. */
  deliveryCount: number;
  traceparent: string | undefined;
  /** @throws Failure SettlementFailed */
  settle(settlement: Settlement): Promise<void>;
};

/** What a gate asks of a service that seems to be away: answers once the service does. @throws Failure */
export type Probe = () => Promise<void>;

export type EventSource = {
  /** How many receives may be under way at once. */
  readonly parallelReceives: number;
  /** How many events one of them may bring. */
  readonly mostAtOnce: number;
  /**
   * At most `most` events; none when none came for a while, or soon after `signal` aborts. More than one only where they come one
   * upon the other: no event waits for another one. Never more than `most` are locked by a call.
   */
  receive(signal: AbortSignal, most: number): Promise<readonly HeldEvent[]>;
  probe: Probe;
  /** Goes on over a new connection: the present one is not to be trusted. What it delivered is still settled. */
  reconnect(): void;
  close(): Promise<void>;
};

export type ConversationCache = {
  /**
   * The raw value of the session. Before a large one is fetched, `room` is asked for so many bytes and waited for.
   * @throws Failure CacheUnavailable, or InvalidConversation for a key of another type
   */
  read(sessionId: string, room: (bytes: number) => Promise<void>): Promise<string | undefined>;
  probe: Probe;
  close(): Promise<void>;
};

export type Ids = { sessionId: string; userId: string };
/** The etag of what was written. */
export type WriteResult = { etag: string } | 'conflict';

/** What is added to a stored head whose messages stay as they are. */
export type Appended = Pick<HistoryDocument, 'lastActivity' | 'persistedAt'> &
  Partial<Pick<HistoryDocument, 'title' | 'titleRefused'>> & {
    /** At most `MAX_APPENDED_MESSAGES`; none, where only other fields have changed. */
    messages: readonly Message[];
  };
/** A patch of Cosmos DB has ten operations: one for each message, and four for the other fields. */
export const MAX_APPENDED_MESSAGES = 6;

/** @throws Failure with a store's code; after any failure of a write its outcome is unknown: read again. */
export type HistoryStore = {
  read(ids: Ids): Promise<{ item: unknown; etag: string } | undefined>;
  /** Conflict: the item exists. */
  create(document: HistoryDocument): Promise<WriteResult>;
  /** Conflict: the etag has moved on. */
  replace(document: HistoryDocument, etag: string): Promise<WriteResult>;
  /** A replace that sends only what is new. Conflict: the etag has moved on. */
  append(ids: Ids, appended: Appended, etag: string): Promise<WriteResult>;
  /** Sets what a title request brought, only while the stored title is none. Conflict: it has one by now. */
  setTitle(ids: Ids, title: { title: string } | { titleRefused: true }): Promise<WriteResult>;
  /** Segments are written once, under an id of their own, and never changed. */
  createSegment(segment: Segment): Promise<void>;
  /** Undefined: there is none of that id (any more). */
  readSegment(ids: Ids, segmentId: string): Promise<Message[] | undefined>;
  /** That there is none is as good. */
  deleteSegment(ids: Ids, segmentId: string): Promise<void>;
  probe: Probe;
  close(): Promise<void>;
};

export type TitleModel = {
  /** The model's raw answer. @throws Failure TitleUnavailable or TitleRefused */
  ask(context: readonly TitleLine[]): Promise<string>;
};

/** What a line tells besides its message: not under a name that each line bears already, which would be there twice. */
export type LogFields = Record<string, unknown> & { [own in 'level' | 'time' | 'service' | 'msg']?: never };

export type Log = {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
};

/** Time and chance: a simulation brings its own, so that a run can be repeated. */
export type Clock = {
  now(): number;
  /** From 0 to 1, as Math.random. */
  random(): number;
  /** Resolves after `ms`, or at once when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};
