import type { EntityState } from './entity-state.ts';
import type { Session } from './sessions.ts';
import type { Consumer, Lock, Stored } from './stored.ts';

export type Delivery = ReturnType<typeof makeDelivery>;

/** Who gets which message: the line's next goes to the consumers with room in turn, a session's to its holder. */
export function makeDelivery(state: EntityState) {
  const { settings, clock, messages, sessions, locks } = state;
  const waiting = new Set<Consumer>();

  function countDelivery(message: Stored): void {
    state.counts.delivered++;
    if (message.deliveryCount > 0) state.counts.redelivered++;
  }

  function lock(message: Stored): Lock {
    const { session } = message;
    const until = session?.lockedUntil ?? clock.now() + settings.lockDurationMs;
    const added = locks.add(message, until);
    if (session) session.locks.add(added);
    else state.wakeBy(until);
    if (locks.size > state.counts.peakLocked) state.counts.peakLocked = locks.size;
    return added;
  }

  /** What being handed over does to a message, in either mode. Returns its lock, if it gets one. */
  function hand(message: Stored, mode: Consumer['mode']): Lock | undefined {
    countDelivery(message);
    if (mode === 'peekLock') return lock(message);
    messages.remove(message);
    return undefined;
  }

  function pumpSession(session: Session | undefined): void {
    if (!session || !state.mayDeliver()) return;
    while (session.holder && session.holder.room() > 0) {
      const message = messages.takeNext(session, clock.now());
      if (!message) return;
      session.holder.deliver(message, hand(message, session.holder.mode));
    }
  }

  /** Delivers while there are messages and consumers with room, one to each in turn. */
  function pump(): void {
    if (!state.mayDeliver()) return;
    if (settings.requiresSession) {
      for (const session of sessions.held()) pumpSession(session);
      return;
    }
    for (const consumer of waiting) {
      if (!(consumer.room() > 0)) {
        waiting.delete(consumer);
        continue;
      }
      const message = messages.takeNext(undefined, clock.now());
      if (!message) return;
      consumer.deliver(message, hand(message, consumer.mode));
      // To the end of the Set, so that it comes again after the others.
      waiting.delete(consumer);
      waiting.add(consumer);
    }
  }

  return {
    hand,
    pump,
    /** A consumer has room for messages, or may have. */
    ready(consumer: Consumer): void {
      if (settings.requiresSession) {
        pumpSession(sessions.heldBy(consumer));
        return;
      }
      waiting.add(consumer);
      pump();
    },
    /** A consumer is gone. */
    forget: (consumer: Consumer): void => void waiting.delete(consumer),
    /** A message has come to the line, or come back to it. */
    offer({ session }: Stored): void {
      if (!session) pump();
      else if (session.lockedUntil > 0) pumpSession(session);
      else sessions.changed(session);
    },
  };
}
