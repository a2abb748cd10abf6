import type { Content } from './messages.ts';
import type { Session } from './sessions.ts';

/** A message in an entity. Topics share one content between the messages of their subscriptions. */
export type Stored = {
  readonly sequence: number;
  readonly enqueuedSequence: number;
  readonly enqueuedAt: number;
  readonly expiresAt: number;
  readonly session: Session | undefined;
  content: Content;
  deliveryCount: number;
  deferred: boolean;
  lock: Lock | undefined;
  /** No longer in the entity; lines and heaps forget such messages when they come across them. */
  gone: boolean;
};

/** A receiver's hold on a message. In a session the session's lock counts, not `until`. */
export type Lock = { readonly key: number; readonly tag: Buffer; readonly message: Stored; until: number };

export type ReceiveMode = 'peekLock' | 'receiveAndDelete';

/** Whoever takes messages: a receiving link. */
export type Consumer = {
  readonly mode: ReceiveMode;
  /** How many more messages may be delivered now. */
  room(): number;
  deliver(message: Stored, lock: Lock | undefined): void;
  /** Stays, and takes nothing any more. False: it is not open. */
  silence(): boolean;
  detach(condition: string, description: string): void;
};

export type Outcome =
  | { kind: 'complete' }
  | { kind: 'abandon'; properties?: Record<string, unknown> }
  | { kind: 'defer'; properties?: Record<string, unknown> }
  | { kind: 'deadLetter'; reason?: string; description?: string; properties?: Record<string, unknown> };
