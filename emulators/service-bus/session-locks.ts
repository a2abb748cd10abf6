import type { EntityState } from './entity-state.ts';
import { sessionLockLost } from './refusal.ts';
import type { Session } from './sessions.ts';
import type { Settlement } from './settlement.ts';
import type { Consumer } from './stored.ts';

export type SessionLocks = ReturnType<typeof makeSessionLocks>;

/** Who holds which session. Session messages have no time of their own: they are held as long as the session is. */
export function makeSessionLocks(state: EntityState, settlement: Settlement) {
  const { settings, clock, sessions } = state;
  const until = (): number => clock.now() + settings.lockDurationMs;

  function release(session: Session, counted: boolean): void {
    sessions.abandonedByHolder(session);
    for (const lock of [...session.locks]) settlement.release(lock, counted);
    sessions.release(session);
  }

  function expire(session: Session): void {
    const { holder } = session;
    release(session, true);
    const lost = sessionLockLost(session.id);
    holder?.detach(lost.condition, lost.message);
  }

  return {
    /** @throws Refusal when another receiver has the session */
    acceptSession(id: string, consumer: Consumer): Session {
      const session = sessions.lock(id, consumer, until());
      state.wakeBy(session.lockedUntil);
      return session;
    },

    acceptNextSession(consumer: Consumer): Session | undefined {
      const session = sessions.lockNext(consumer, until());
      if (session) state.wakeBy(session.lockedUntil);
      return session;
    },

    /** @throws Refusal when the lock is lost */
    renewSession(id: string): number {
      const { lockedUntil } = sessions.renew(id, until());
      state.counts.renewals++;
      return lockedUntil;
    },

    /**
     * A consumer is gone. A session is free at once if the link was closed in good order; a dead connection keeps it
     * locked until expiry.
     */
    leave(consumer: Consumer, inGoodOrder: boolean): void {
      const session = sessions.heldBy(consumer);
      if (!session) return;
      sessions.abandonedByHolder(session);
      // The service does not count a delivery against messages whose session was closed in good order.
      if (inGoodOrder) release(session, false);
    },

    loseSessionLocks(): number {
      const held = sessions.held();
      for (const session of held) expire(session);
      return held.length;
    },

    /** Ends the locks whose time is over. Returns when the next one's will be. */
    expireSessions(now: number): number {
      for (const session of sessions.held()) {
        if (session.lockedUntil > now) break;
        expire(session);
      }
      return sessions.firstHeld()?.lockedUntil ?? Number.POSITIVE_INFINITY;
    },
  };
}
