import type { EntityCounters } from './counters.ts';
import type { Locks } from './locks.ts';
import type { MessageStore } from './message-store.ts';
import type { Sessions } from './sessions.ts';
import type { Clock } from './wake-up.ts';

export type EntitySettings = {
  path: string;
  requiresSession: boolean;
  lockDurationMs: number;
  /** Infinity in a dead-letter queue: nothing leaves it but by a receiver. */
  maxDeliveryCount: number;
  defaultTtlMs: number;
};

/** What the rooms of an entity share. */
export type EntityState = {
  readonly settings: EntitySettings;
  readonly clock: Clock;
  readonly mayDeliver: () => boolean;
  readonly messages: MessageStore;
  readonly sessions: Sessions;
  readonly locks: Locks;
  /** Has the entity look for what is due at this time at the latest. */
  readonly wakeBy: (time: number) => void;
  counts: EntityCounters;
};
