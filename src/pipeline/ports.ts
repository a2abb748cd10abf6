import type { HistoryDocument } from '../history/document.ts';
import type { TitleLine } from '../history/title.ts';

export type Settlement =
  | { kind: 'complete' }
  | { kind: 'abandon' }
  | { kind: 'dead-letter'; reason: string; description: string };

/** An event that this process holds under a lock. */
export type HeldEvent = {
  body: unknown;
  messageId: string | undefined;
  enqueuedAtMs: number | undefined;
  lockedUntilMs: number;
  /** 0 at the first delivery. */
  deliveryCount: number;
  traceparent: string | undefined;
  /** @throws Failure SettlementFailed */
  settle(settlement: Settlement): Promise<void>;
  /** Renews the lock; answers until when. @throws Failure LockLost when there is no lock any more */
  renew(): Promise<number>;
};

export type EventSource = {
  /** How many receives may be under way at once. */
  readonly parallelReceives: number;
  /** One event, or undefined when none came for a while. Never more than one event locked a call. */
  receive(): Promise<HeldEvent | undefined>;
  close(): Promise<void>;
};

export type ConversationCache = {
  /** The raw value of the session. @throws Failure CacheUnavailable, or InvalidConversation for a key of another type */
  read(sessionId: string): Promise<string | undefined>;
  close(): Promise<void>;
};

export type Ids = { sessionId: string; userId: string };
export type WriteResult = 'written' | 'conflict';

/** @throws Failure with a store's code; after any failure of a write its outcome is unknown: read again. */
export type HistoryStore = {
  read(ids: Ids): Promise<{ item: unknown; etag: string } | undefined>;
  /** Conflict: the item exists. */
  create(document: HistoryDocument): Promise<WriteResult>;
  /** Conflict: the etag has moved on. */
  replace(document: HistoryDocument, etag: string): Promise<WriteResult>;
  /** Sets what a title request brought, only while the stored title is none. Conflict: it has one by now. */
  setTitle(ids: Ids, title: { title: string } | { titleRefused: true }): Promise<WriteResult>;
  close(): Promise<void>;
};

export type TitleModel = {
  /** The model's raw answer. @throws Failure TitleUnavailable or TitleRefused */
  ask(context: readonly TitleLine[]): Promise<string>;
};

export type Log = {
  debug(fields: Record<string, unknown>, message: string): void;
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
};

export type Clock = {
  now(): number;
  /** Resolves after `ms`, or at once when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};
