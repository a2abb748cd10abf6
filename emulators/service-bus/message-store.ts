import { Heap } from './heap.ts';
import { Line } from './line.ts';
import type { Content } from './messages.ts';
import type { Session, Sessions } from './sessions.ts';
import type { Stored } from './stored.ts';

/** Where a message comes from that was in another entity before. */
export type Origin = { enqueuedAt: number; sequence: number; deliveryCount: number };

/** The messages of an entity by sequence number, and in lines those that wait: one line, or one a session. */
export class MessageStore {
  readonly #sessions: Sessions | undefined;
  readonly #bySequence = new Map<number, Stored>();
  readonly #line = new Line();
  readonly #expiring = new Heap<Stored>((message) => message.expiresAt);
  #lastSequence = 0;
  #waiting = 0;
  /** How many messages outlived their time. */
  expired = 0;

  constructor(sessions: Sessions | undefined) {
    this.#sessions = sessions;
  }

  get size(): number {
    return this.#bySequence.size;
  }

  /** Messages that wait for a receiver. */
  get waiting(): number {
    return this.#waiting;
  }

  nextSequence(): number {
    return ++this.#lastSequence;
  }

  find(sequence: number): Stored | undefined {
    return this.#bySequence.get(sequence);
  }

  append(content: Content, now: number, expiresAt: number, from: Origin | undefined): Stored {
    const sequence = this.nextSequence();
    const message: Stored = {
      sequence,
      enqueuedSequence: from?.sequence ?? sequence,
      enqueuedAt: from?.enqueuedAt ?? now,
      expiresAt,
      session: this.#sessions?.of(content.sessionId!),
      content,
      deliveryCount: from?.deliveryCount ?? 0,
      deferred: false,
      lock: undefined,
      gone: false,
    };
    this.#bySequence.set(sequence, message);
    if (message.session) message.session.messages++;
    this.#lineOf(message).append(message);
    this.#waiting++;
    if (expiresAt !== Number.POSITIVE_INFINITY) {
      this.#expiring.push(message);
      if (this.#expiring.size > 2 * this.size + 1000) this.#expiring.keepOnly((one) => !one.gone);
    }
    return message;
  }

  putBack(message: Stored): void {
    this.#lineOf(message).putBack(message);
    this.#waiting++;
  }

  /** Takes the next message, of the session if one is given, that has not outlived its time. */
  takeNext(session: Session | undefined, now: number): Stored | undefined {
    const line = session?.line ?? this.#line;
    for (;;) {
      const message = line.first();
      if (!message) return undefined;
      if (message.expiresAt > now) {
        line.take(message);
        this.#waiting--;
        return message;
      }
      this.expired++;
      this.#removeWaiting(message);
    }
  }

  /** Takes a message out of the entity that does not wait in a line. */
  remove(message: Stored): void {
    message.gone = true;
    this.#bySequence.delete(message.sequence);
    if (!message.session) return;
    message.session.messages--;
    this.#sessions?.changed(message.session);
  }

  /** Active, locked and deferred messages in order. */
  peek(from: number, count: number, sessionId?: string): Stored[] {
    const found: Stored[] = [];
    // Sequence numbers are given in order, so the Map's first is the lowest; walking the numbers needs no search.
    const lowest = this.#bySequence.keys().next().value ?? Number.POSITIVE_INFINITY;
    for (let at = Math.max(from, lowest); at <= this.#lastSequence && found.length < count; at++) {
      const message = this.#bySequence.get(at);
      if (message && (sessionId === undefined || message.session?.id === sessionId)) found.push(message);
    }
    return found;
  }

  /** Removes waiting messages that came before a time, as the client's deleteMessages() asks. */
  deleteBefore(time: number, count: number): number {
    let deleted = 0;
    for (const message of this.#bySequence.values()) {
      if (deleted >= count) break;
      if (message.lock || message.deferred || message.enqueuedAt >= time) continue;
      this.#removeWaiting(message);
      deleted++;
    }
    return deleted;
  }

  /** Removes what has outlived its time; a locked message lives until its lock ends. Returns when the next will. */
  expire(now: number): number {
    for (;;) {
      const message = this.#expiring.peek();
      if (!message) return Number.POSITIVE_INFINITY;
      if (!message.gone && message.expiresAt > now) return message.expiresAt;
      this.#expiring.pop();
      if (message.gone || message.lock) continue;
      this.expired++;
      if (message.deferred) this.remove(message);
      else this.#removeWaiting(message);
    }
  }

  #lineOf(message: Stored): Line {
    return message.session?.line ?? this.#line;
  }

  #removeWaiting(message: Stored): void {
    this.#lineOf(message).forget(message);
    this.#waiting--;
    this.remove(message);
  }
}
