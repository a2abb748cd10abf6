import { Line } from './line.ts';
import { sessionLockLost, sessionTaken } from './refusal.ts';
import type { Consumer, Lock } from './stored.ts';

export type Session = {
  readonly id: string;
  readonly line: Line;
  readonly locks: Set<Lock>;
  /** Messages of the session in the entity, in whatever state. */
  messages: number;
  lockedUntil: number;
  /** The link that holds the lock; none if it died without a goodbye, and then the lock lives until it expires. */
  holder: Consumer | undefined;
  state: Buffer | undefined;
};

/** Someone who wants the next free session; called when there is one to lock. */
export type SessionWaiter = () => void;

/** The sessions of an entity: which are free, which are locked until when, and who waits for one. */
export class Sessions {
  readonly #byId = new Map<string, Session>();
  readonly #available = new Set<Session>();
  // In the order of locking and renewing, which is the order of expiry, for all locks last equally long.
  readonly #held = new Set<Session>();
  readonly #heldBy = new Map<Consumer, Session>();
  readonly #waiters = new Set<SessionWaiter>();

  of(id: string): Session {
    let session = this.#byId.get(id);
    if (!session) {
      session = {
        id,
        line: new Line(),
        locks: new Set(),
        messages: 0,
        lockedUntil: 0,
        holder: undefined,
        state: undefined,
      };
      this.#byId.set(id, session);
    }
    return session;
  }

  find(id: string): Session | undefined {
    return this.#byId.get(id);
  }

  setState(id: string, state: Buffer | undefined): void {
    const session = this.#byId.get(id);
    if (!session || session.lockedUntil === 0) throw sessionLockLost(id);
    session.state = state;
  }

  ids(): string[] {
    return [...this.#byId.values()].filter((one) => one.messages > 0 || one.state).map((one) => one.id);
  }

  /** @throws Refusal when another receiver has it */
  lock(id: string, holder: Consumer, until: number): Session {
    const session = this.of(id);
    if (session.lockedUntil > 0) throw sessionTaken(id);
    this.#hold(session, holder, until);
    return session;
  }

  lockNext(holder: Consumer, until: number): Session | undefined {
    const session = this.#available.values().next().value;
    if (session) this.#hold(session, holder, until);
    return session;
  }

  /** @returns takes the waiter out of the queue */
  wait(waiter: SessionWaiter): () => void {
    this.#waiters.add(waiter);
    return () => this.#waiters.delete(waiter);
  }

  renew(id: string, until: number): Session {
    const session = this.#byId.get(id);
    if (!session || session.lockedUntil === 0) throw sessionLockLost(id);
    this.#held.delete(session);
    session.lockedUntil = until;
    for (const lock of session.locks) lock.until = until;
    this.#held.add(session);
    return session;
  }

  heldBy(consumer: Consumer): Session | undefined {
    return this.#heldBy.get(consumer);
  }

  /** The link is gone; the lock lives on. */
  abandonedByHolder(session: Session): void {
    if (session.holder) this.#heldBy.delete(session.holder);
    session.holder = undefined;
  }

  release(session: Session): void {
    this.abandonedByHolder(session);
    session.lockedUntil = 0;
    this.#held.delete(session);
    this.changed(session);
  }

  /** To be called when a message came or went, so that the session is offered or forgotten. */
  changed(session: Session): void {
    if (session.lockedUntil > 0) return;
    if (session.line.first()) {
      this.#available.add(session);
      const waiter = this.#waiters.values().next().value;
      if (!waiter) return;
      this.#waiters.delete(waiter);
      waiter();
    } else {
      this.#available.delete(session);
      if (session.messages === 0 && !session.state) this.#byId.delete(session.id);
    }
  }

  firstHeld(): Session | undefined {
    return this.#held.values().next().value;
  }

  held(): Session[] {
    return [...this.#held];
  }

  #hold(session: Session, holder: Consumer, until: number): void {
    this.#available.delete(session);
    session.holder = holder;
    this.#heldBy.set(holder, session);
    session.lockedUntil = until;
    this.#held.add(session);
  }
}
