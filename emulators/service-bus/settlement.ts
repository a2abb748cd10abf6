import type { Delivery } from './delivery.ts';
import type { Entity } from './entity.ts';
import type { EntityState } from './entity-state.ts';
import { withApplicationProperties } from './messages.ts';
import { messageLockLost, messageNotFound, Refusal, sessionLockLost } from './refusal.ts';
import type { Lock, Outcome, ReceiveMode, Stored } from './stored.ts';

export type Settlement = ReturnType<typeof makeSettlement>;

/** What becomes of messages that are locked: settled by whoever holds the lock, or by the lock's end. */
export function makeSettlement(state: EntityState, delivery: Delivery, deadLetters: Entity | undefined) {
  const { settings, clock, messages, locks } = state;
  const find = (key: number | undefined): Lock | undefined =>
    key === undefined ? undefined : locks.find(key);

  function unlock(lock: Lock): void {
    locks.remove(lock);
    lock.message.session?.locks.delete(lock);
  }

  function deadLetter(
    message: Stored,
    properties: Record<string, unknown> | undefined,
    reason: string | undefined,
    description: string | undefined,
  ): void {
    state.counts.deadLettered++;
    messages.remove(message);
    const stamped = withApplicationProperties(message.content, {
      ...properties,
      ...(reason === undefined ? {} : { DeadLetterReason: reason }),
      ...(description === undefined ? {} : { DeadLetterErrorDescription: description }),
    });
    deadLetters?.enqueue(stamped, {
      enqueuedAt: message.enqueuedAt,
      sequence: message.enqueuedSequence,
      deliveryCount: message.deliveryCount,
    });
  }

  /** Back to the line after a delivery that came to nothing. */
  function putBack(message: Stored, counted: boolean): void {
    if (counted) message.deliveryCount++;
    const { maxDeliveryCount } = settings;
    if (message.deliveryCount >= maxDeliveryCount) {
      const description = `Message could not be consumed after ${maxDeliveryCount} delivery attempts.`;
      deadLetter(message, undefined, 'MaxDeliveryCountExceeded', description);
    } else if (!message.deferred) {
      messages.putBack(message);
      delivery.offer(message);
    }
  }

  /** Ends a lock without an outcome. Counted: as an expired lock and as a delivery. */
  function release(lock: Lock, counted: boolean): void {
    if (counted) state.counts.expiredLocks++;
    unlock(lock);
    putBack(lock.message, counted);
  }

  return {
    release,

    /** @throws Refusal when the lock is lost */
    renew(key: number | undefined): number {
      const lock = find(key);
      if (!lock) throw messageLockLost();
      state.counts.renewals++;
      if (!lock.message.session) locks.renew(lock, clock.now() + settings.lockDurationMs);
      return lock.until;
    },

    /** @returns why not, when the lock is lost or the outcome is impossible here */
    settle(key: number | undefined, outcome: Outcome): Refusal | undefined {
      const lock = find(key);
      if (!lock) return settings.requiresSession ? sessionLockLost() : messageLockLost();
      if (outcome.kind === 'deadLetter' && !deadLetters)
        return new Refusal(
          'amqp:not-allowed',
          'A message of a dead-letter queue cannot be dead-lettered again.',
        );
      unlock(lock);
      const { message } = lock;
      switch (outcome.kind) {
        case 'complete':
          state.counts.completed++;
          messages.remove(message);
          break;
        case 'abandon':
          state.counts.abandoned++;
          message.content = withApplicationProperties(message.content, outcome.properties ?? {});
          putBack(message, true);
          break;
        case 'defer':
          state.counts.deferred++;
          message.content = withApplicationProperties(message.content, outcome.properties ?? {});
          message.deferred = true;
          break;
        case 'deadLetter':
          deadLetter(message, outcome.properties, outcome.reason, outcome.description);
      }
      return undefined;
    },

    /** @throws Refusal when one of them is not here, not deferred or locked */
    receiveDeferred(sequences: number[], mode: ReceiveMode, sessionId?: string): Stored[] {
      const found = sequences.map((sequence) => {
        const message = messages.find(sequence);
        if (!message?.deferred || message.lock) throw messageNotFound(sequence);
        const { session } = message;
        if (session && (session.id !== sessionId || session.lockedUntil === 0))
          throw sessionLockLost(session.id);
        return message;
      });
      for (const message of found) delivery.hand(message, mode);
      return found;
    },

    /** Ends all locks on messages at once, as if they had expired. */
    loseLocks(): number {
      const all = locks.all();
      for (const lock of all) release(lock, true);
      return all.length;
    },

    /** Ends the locks whose time is over. Returns when the next one's will be. */
    expireLocks(now: number): number {
      for (let lock = locks.first(); lock && lock.until <= now; lock = locks.first()) release(lock, true);
      return locks.first()?.until ?? Number.POSITIVE_INFINITY;
    },
  };
}
