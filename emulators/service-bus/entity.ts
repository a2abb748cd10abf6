import { type EntityCounters, noCounts } from './counters.ts';
import { type Delivery, makeDelivery } from './delivery.ts';
import type { EntitySettings, EntityState } from './entity-state.ts';
import { Locks } from './locks.ts';
import { MessageStore, type Origin } from './message-store.ts';
import { type Content, withApplicationProperties } from './messages.ts';
import { Refusal } from './refusal.ts';
import { Scheduled } from './scheduled.ts';
import { makeSessionLocks, type SessionLocks } from './session-locks.ts';
import { Sessions } from './sessions.ts';
import { makeSettlement, type Settlement } from './settlement.ts';
import type { Consumer } from './stored.ts';
import { type Clock, makeWakeUp } from './wake-up.ts';

// What an AMQP header can hold.
const MAX_TTL_MS = 2 ** 32 - 1;

/**
 * A queue, a subscription or a dead-letter queue. Messages come in here; who gets which is `delivery`, what becomes of
 * those that are held is `settlement`, who holds a session is `sessionLocks`. Knows nothing of AMQP.
 */
export class Entity {
  readonly settings: EntitySettings;
  readonly deadLetters: Entity | undefined;
  readonly scheduled = new Scheduled();
  readonly sessions = new Sessions();
  readonly messages: MessageStore;
  readonly delivery: Delivery;
  readonly settlement: Settlement;
  readonly sessionLocks: SessionLocks;
  /** The links that receive from here, to be detached by force. */
  readonly consumers = new Set<Consumer>();
  disabled = false;
  readonly #clock: Clock;
  readonly #locks = new Locks();
  readonly #wakeUp: ReturnType<typeof makeWakeUp>;
  readonly #state: EntityState;

  constructor(settings: EntitySettings, clock: Clock, mayDeliver: () => boolean, deadLetters?: Entity) {
    this.settings = settings;
    this.deadLetters = deadLetters;
    this.messages = new MessageStore(settings.requiresSession ? this.sessions : undefined);
    this.#clock = clock;
    this.#wakeUp = makeWakeUp(clock, () => this.#doWhatIsDue());
    this.#state = {
      ...{
        settings,
        clock,
        mayDeliver,
        messages: this.messages,
        sessions: this.sessions,
        locks: this.#locks,
      },
      wakeBy: this.#wakeUp.by,
      counts: noCounts(),
    };
    this.delivery = makeDelivery(this.#state);
    this.settlement = makeSettlement(this.#state, this.delivery, deadLetters);
    this.sessionLocks = makeSessionLocks(this.#state, this.settlement);
  }

  get path(): string {
    return this.settings.path;
  }

  counters(): EntityCounters {
    return {
      ...this.#state.counts,
      expired: this.messages.expired,
      active: this.messages.waiting,
      locked: this.#locks.size,
      scheduled: this.scheduled.size,
      deadLetterCount: this.deadLetters?.messages.size ?? 0,
    };
  }

  resetCounters(): void {
    this.#state.counts = { ...noCounts(), peakLocked: this.#locks.size };
    this.messages.expired = 0;
  }

  /** @throws Refusal when the entity is for sessions and the message names none */
  check(content: Content): void {
    if (this.settings.requiresSession && content.sessionId === undefined)
      throw new Refusal(
        'amqp:not-allowed',
        `'${this.path}' requires sessions: a message must have a session id.`,
      );
  }

  /** Takes a message that a client sent: enqueues it now, or later if it says so. */
  send(content: Content): void {
    this.#state.counts.received++;
    if (content.scheduledFor !== undefined && content.scheduledFor > this.#clock.now())
      this.schedule(content, content.scheduledFor);
    else this.enqueue(content);
  }

  schedule(content: Content, at: number): number {
    const sequence = this.messages.nextSequence();
    this.scheduled.add({ sequence, at, content });
    this.#wakeUp.by(at);
    return sequence;
  }

  enqueue(content: Content, from?: Origin): void {
    const now = this.#clock.now();
    const { defaultTtlMs } = this.settings;
    // learn.microsoft.com/azure/service-bus-messaging/message-expiration: a longer time to live than the entity's is silently
    // adjusted, and in a dead-letter queue none is observed.
    const isAdjusted = defaultTtlMs < (content.ttlMs ?? MAX_TTL_MS);
    const kept = isAdjusted ? { ...content, ttlMs: defaultTtlMs } : content;
    const ttlMs = this.deadLetters ? (kept.ttlMs ?? defaultTtlMs) : Number.POSITIVE_INFINITY;
    const message = this.messages.append(kept, now, now + ttlMs, from);
    this.#state.counts.sent++;
    this.#wakeUp.by(message.expiresAt);
    this.delivery.offer(message);
  }

  /** Enqueues what a topic hands on. The service dead-letters a message that it cannot put into a session. */
  enqueueFromTopic(content: Content): void {
    if (!this.settings.requiresSession || content.sessionId !== undefined) {
      this.enqueue(content);
      return;
    }
    this.#state.counts.deadLettered++;
    const properties = {
      DeadLetterReason: 'Session ID is null',
      DeadLetterErrorDescription:
        "Session enabled entity doesn't allow a message whose session identifier is null.",
    };
    this.deadLetters?.enqueue(withApplicationProperties(content, properties));
  }

  /** A consumer is gone. Messages that it holds stay locked until their locks expire, as in the service. */
  leave(consumer: Consumer, inGoodOrder: boolean): void {
    this.consumers.delete(consumer);
    this.delivery.forget(consumer);
    this.sessionLocks.leave(consumer, inGoodOrder);
  }

  stop(): void {
    this.#wakeUp.stop();
  }

  #doWhatIsDue(): number {
    const now = this.#clock.now();
    for (const { content } of this.scheduled.takeDue(now)) this.enqueue(content);
    const nextLock = this.settings.requiresSession
      ? this.sessionLocks.expireSessions(now)
      : this.settlement.expireLocks(now);
    return Math.min(this.scheduled.nextAt(), this.messages.expire(now), nextLock);
  }
}
