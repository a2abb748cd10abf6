import { Heap } from './heap.ts';
import type { Content } from './messages.ts';

export type ScheduledMessage = { readonly sequence: number; readonly at: number; readonly content: Content };

/** Messages that are to be enqueued later, of a queue or a topic. */
export class Scheduled {
  readonly #bySequence = new Map<number, ScheduledMessage>();
  readonly #byTime = new Heap<ScheduledMessage>((message) => message.at);

  get size(): number {
    return this.#bySequence.size;
  }

  add(message: ScheduledMessage): void {
    this.#bySequence.set(message.sequence, message);
    this.#byTime.push(message);
  }

  find(sequence: number): ScheduledMessage | undefined {
    return this.#bySequence.get(sequence);
  }

  from(sequence: number): ScheduledMessage[] {
    return [...this.#bySequence.values()].filter((message) => message.sequence >= sequence);
  }

  cancel(sequence: number): boolean {
    return this.#bySequence.delete(sequence);
  }

  nextAt(): number {
    for (;;) {
      const first = this.#byTime.peek();
      if (!first) return Number.POSITIVE_INFINITY;
      if (this.#bySequence.has(first.sequence)) return first.at;
      this.#byTime.pop();
    }
  }

  takeDue(now: number): ScheduledMessage[] {
    const due: ScheduledMessage[] = [];
    while (this.nextAt() <= now) {
      const message = this.#byTime.pop()!;
      this.#bySequence.delete(message.sequence);
      due.push(message);
    }
    return due;
  }
}
