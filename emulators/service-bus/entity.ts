import { type EntityCounters, noCounts } from './counters.ts';
import { Locks } from './locks.ts';
import { MessageStore, type Origin } from './message-store.ts';
import { type Content, withApplicationProperties } from './messages.ts';
import { messageLockLost, messageNotFound, Refusal, sessionLockLost } from './refusal.ts';
import { Scheduled } from './scheduled.ts';
import { type Session, Sessions } from './sessions.ts';
import type { Consumer, Lock, Outcome, ReceiveMode, Stored } from './stored.ts';
import { type Clock, makeWakeUp } from './wake-up.ts';

export type EntitySettings = {
  path: string;
  requiresSession: boolean;
  lockDurationMs: number;
  /** Infinity in a dead-letter queue: nothing leaves it but by a receiver. */
  maxDeliveryCount: number;
  defaultTtlMs: number;
};

/** A queue, a subscription or a dead-letter queue: who gets which message, and for how long. Knows nothing of AMQP. */
export class Entity {
  readonly settings: EntitySettings;
  readonly deadLetters: Entity | undefined;
  readonly scheduled = new Scheduled();
  readonly sessions = new Sessions();
  readonly messages: MessageStore;
  /** The links that receive from here, to be detached by force. */
  readonly consumers = new Set<Consumer>();
  disabled = false;
  readonly #clock: Clock;
  readonly #mayDeliver: () => boolean;
  readonly #locks = new Locks();
  readonly #ready = new Set<Consumer>();
  readonly #wakeUp: ReturnType<typeof makeWakeUp>;
  #counts: EntityCounters = noCounts();

  constructor(settings: EntitySettings, clock: Clock, mayDeliver: () => boolean, deadLetters?: Entity) {
    this.settings = settings;
    this.deadLetters = deadLetters;
    this.messages = new MessageStore(settings.requiresSession ? this.sessions : undefined);
    this.#clock = clock;
    this.#mayDeliver = mayDeliver;
    this.#wakeUp = makeWakeUp(clock, () => this.#doWhatIsDue());
  }

  get path(): string {
    return this.settings.path;
  }

  counters(): EntityCounters {
    return {
      ...this.#counts,
      expired: this.messages.expired,
      active: this.messages.waiting,
      locked: this.#locks.size,
      scheduled: this.scheduled.size,
      deadLetterCount: this.deadLetters?.messages.size ?? 0,
    };
  }

  resetCounters(): void {
    this.#counts = { ...noCounts(), peakLocked: this.#locks.size };
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
    this.#counts.received++;
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
    const ttlMs = Math.min(content.ttlMs ?? Number.POSITIVE_INFINITY, this.settings.defaultTtlMs);
    const message = this.messages.append(content, now, now + ttlMs, from);
    this.#counts.sent++;
    this.#wakeUp.by(message.expiresAt);
    this.#offer(message);
  }

  /** Enqueues what a topic hands on. The service dead-letters a message that it cannot put into a session. */
  enqueueFromTopic(content: Content): void {
    if (!this.settings.requiresSession || content.sessionId !== undefined) {
      this.enqueue(content);
      return;
    }
    this.#counts.deadLettered++;
    const properties = {
      DeadLetterReason: 'Session ID is null',
      DeadLetterErrorDescription:
        "Session enabled entity doesn't allow a message whose session identifier is null.",
    };
    this.deadLetters?.enqueue(withApplicationProperties(content, properties));
  }

  /** A consumer has room for messages, or may have. */
  ready(consumer: Consumer): void {
    if (this.settings.requiresSession) {
      this.#pumpSession(this.sessions.heldBy(consumer));
      return;
    }
    this.#ready.add(consumer);
    this.pump();
  }

  /**
   * A consumer is gone. Messages that it holds stay locked until their locks expire, as in the service. A session is
   * free at once if the link was closed in good order; a dead connection keeps it locked until expiry.
   */
  leave(consumer: Consumer, inGoodOrder: boolean): void {
    this.consumers.delete(consumer);
    this.#ready.delete(consumer);
    const session = this.sessions.heldBy(consumer);
    if (!session) return;
    this.sessions.abandonedByHolder(session);
    // The service does not count a delivery against messages whose session was closed in good order.
    if (inGoodOrder) this.#releaseSession(session, false);
  }

  /** Delivers while there are messages and consumers with room, one to each in turn. */
  pump(): void {
    if (!this.#mayDeliver()) return;
    if (this.settings.requiresSession) {
      for (const session of this.sessions.held()) this.#pumpSession(session);
      return;
    }
    for (const consumer of this.#ready) {
      if (!(consumer.room() > 0)) {
        this.#ready.delete(consumer);
        continue;
      }
      const message = this.messages.takeNext(undefined, this.#clock.now());
      if (!message) return;
      this.#deliver(message, consumer);
      // To the end of the Set, so that it comes again after the others.
      this.#ready.delete(consumer);
      this.#ready.add(consumer);
    }
  }

  /** @throws Refusal when another receiver has the session */
  acceptSession(id: string, consumer: Consumer): Session {
    const session = this.sessions.lock(id, consumer, this.#clock.now() + this.settings.lockDurationMs);
    this.#wakeUp.by(session.lockedUntil);
    return session;
  }

  acceptNextSession(consumer: Consumer): Session | undefined {
    const session = this.sessions.lockNext(consumer, this.#clock.now() + this.settings.lockDurationMs);
    if (session) this.#wakeUp.by(session.lockedUntil);
    return session;
  }

  /** @throws Refusal when the lock is lost */
  renewSession(id: string): number {
    const { lockedUntil } = this.sessions.renew(id, this.#clock.now() + this.settings.lockDurationMs);
    this.#counts.renewals++;
    return lockedUntil;
  }

  /** @throws Refusal when the lock is lost */
  renew(key: number | undefined): number {
    const lock = this.#findLock(key);
    if (!lock) throw messageLockLost();
    this.#counts.renewals++;
    if (!lock.message.session) this.#locks.renew(lock, this.#clock.now() + this.settings.lockDurationMs);
    return lock.until;
  }

  /** @returns why not, when the lock is lost or the outcome is impossible here */
  settle(key: number | undefined, outcome: Outcome): Refusal | undefined {
    const lock = this.#findLock(key);
    if (!lock) return this.settings.requiresSession ? sessionLockLost() : messageLockLost();
    if (outcome.kind === 'deadLetter' && !this.deadLetters)
      return new Refusal(
        'amqp:not-allowed',
        'A message of a dead-letter queue cannot be dead-lettered again.',
      );
    this.#unlock(lock);
    const { message } = lock;
    switch (outcome.kind) {
      case 'complete':
        this.#counts.completed++;
        this.messages.remove(message);
        break;
      case 'abandon':
        this.#counts.abandoned++;
        message.content = withApplicationProperties(message.content, outcome.properties ?? {});
        this.#return(message, true);
        break;
      case 'defer':
        this.#counts.deferred++;
        message.content = withApplicationProperties(message.content, outcome.properties ?? {});
        message.deferred = true;
        break;
      case 'deadLetter':
        this.#deadLetter(message, outcome.properties, outcome.reason, outcome.description);
    }
    return undefined;
  }

  /** @throws Refusal when one of them is not here, not deferred or locked */
  receiveDeferred(sequences: number[], mode: ReceiveMode, sessionId?: string): Stored[] {
    const messages = sequences.map((sequence) => {
      const message = this.messages.find(sequence);
      if (!message?.deferred || message.lock) throw messageNotFound(sequence);
      const { session } = message;
      if (session && (session.id !== sessionId || session.lockedUntil === 0))
        throw sessionLockLost(session.id);
      return message;
    });
    for (const message of messages) {
      this.#countDelivery(message);
      if (mode === 'receiveAndDelete') this.messages.remove(message);
      else this.#lock(message);
    }
    return messages;
  }

  /** Ends all locks on messages at once, as if they had expired. */
  loseLocks(): number {
    const locks = this.#locks.all();
    for (const lock of locks) this.#expireLock(lock);
    return locks.length;
  }

  loseSessionLocks(): number {
    const held = this.sessions.held();
    for (const session of held) this.#expireSession(session);
    return held.length;
  }

  stop(): void {
    this.#wakeUp.stop();
  }

  #deliver(message: Stored, consumer: Consumer): void {
    this.#countDelivery(message);
    if (consumer.mode === 'receiveAndDelete') {
      this.messages.remove(message);
      consumer.deliver(message, undefined);
    } else consumer.deliver(message, this.#lock(message));
  }

  #countDelivery(message: Stored): void {
    this.#counts.delivered++;
    if (message.deliveryCount > 0) this.#counts.redelivered++;
  }

  #findLock(key: number | undefined): Lock | undefined {
    return key === undefined ? undefined : this.#locks.find(key);
  }

  #lock(message: Stored): Lock {
    const { session } = message;
    const until = session?.lockedUntil ?? this.#clock.now() + this.settings.lockDurationMs;
    const lock = this.#locks.add(message, until);
    if (session) session.locks.add(lock);
    else this.#wakeUp.by(until);
    if (this.#locks.size > this.#counts.peakLocked) this.#counts.peakLocked = this.#locks.size;
    return lock;
  }

  #unlock(lock: Lock): void {
    this.#locks.remove(lock);
    lock.message.session?.locks.delete(lock);
  }

  /** Back to the line after a delivery that came to nothing. */
  #return(message: Stored, counted: boolean): void {
    if (counted) message.deliveryCount++;
    const { maxDeliveryCount } = this.settings;
    if (message.deliveryCount >= maxDeliveryCount) {
      const description = `Message could not be consumed after ${maxDeliveryCount} delivery attempts.`;
      this.#deadLetter(message, undefined, 'MaxDeliveryCountExceeded', description);
    } else if (!message.deferred) {
      this.messages.putBack(message);
      this.#offer(message);
    }
  }

  #offer({ session }: Stored): void {
    if (!session) this.pump();
    else if (session.lockedUntil > 0) this.#pumpSession(session);
    else this.sessions.changed(session);
  }

  #pumpSession(session: Session | undefined): void {
    if (!session || !this.#mayDeliver()) return;
    while (session.holder && session.holder.room() > 0) {
      const message = this.messages.takeNext(session, this.#clock.now());
      if (!message) return;
      this.#deliver(message, session.holder);
    }
  }

  #deadLetter(
    message: Stored,
    properties: Record<string, unknown> | undefined,
    reason: string | undefined,
    description: string | undefined,
  ): void {
    this.#counts.deadLettered++;
    this.messages.remove(message);
    const stamped = withApplicationProperties(message.content, {
      ...properties,
      ...(reason === undefined ? {} : { DeadLetterReason: reason }),
      ...(description === undefined ? {} : { DeadLetterErrorDescription: description }),
    });
    this.deadLetters?.enqueue(stamped, {
      enqueuedAt: message.enqueuedAt,
      sequence: message.enqueuedSequence,
      deliveryCount: message.deliveryCount,
    });
  }

  #expireLock(lock: Lock): void {
    this.#counts.expiredLocks++;
    this.#unlock(lock);
    this.#return(lock.message, true);
  }

  #expireSession(session: Session): void {
    const { holder } = session;
    this.#releaseSession(session, true);
    const lost = sessionLockLost(session.id);
    holder?.detach(lost.condition, lost.message);
  }

  #releaseSession(session: Session, counted: boolean): void {
    this.sessions.abandonedByHolder(session);
    for (const lock of [...session.locks]) {
      if (counted) this.#counts.expiredLocks++;
      this.#unlock(lock);
      this.#return(lock.message, counted);
    }
    this.sessions.release(session);
  }

  #doWhatIsDue(): number {
    const now = this.#clock.now();
    for (const { content } of this.scheduled.takeDue(now)) this.enqueue(content);
    // Session messages have no locks of their own: they are held as long as the session is.
    if (this.settings.requiresSession)
      for (const session of this.sessions.held()) {
        if (session.lockedUntil > now) break;
        this.#expireSession(session);
      }
    else
      for (let lock = this.#locks.first(); lock && lock.until <= now; lock = this.#locks.first())
        this.#expireLock(lock);
    const nextLock = this.settings.requiresSession
      ? this.sessions.firstHeld()?.lockedUntil
      : this.#locks.first()?.until;
    return Math.min(this.scheduled.nextAt(), this.messages.expire(now), nextLock ?? Number.POSITIVE_INFINITY);
  }
}
