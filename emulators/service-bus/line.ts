import { Heap } from './heap.ts';
import type { Stored } from './stored.ts';

/**
 * The messages that wait for a receiver, by sequence number. New ones come in order and go to the end of an array;
 * those that come back (abandoned, lock expired) go to a heap, so that each takes its old place without a search.
 */
export class Line {
  #fresh: (Stored | undefined)[] = [];
  #head = 0;
  readonly #returned = new Heap<Stored>((message) => message.sequence);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  append(message: Stored): void {
    this.#fresh.push(message);
    this.#size++;
  }

  putBack(message: Stored): void {
    this.#returned.push(message);
    this.#size++;
  }

  /** To be called when a message that waits here leaves the entity in another way. */
  forget(message: Stored): void {
    message.gone = true;
    this.#size--;
  }

  /** The next message in order, still in the line. */
  first(): Stored | undefined {
    while (this.#head < this.#fresh.length && this.#fresh[this.#head]?.gone) this.#advance();
    while (this.#returned.peek()?.gone) this.#returned.pop();
    const fresh = this.#fresh[this.#head];
    const returned = this.#returned.peek();
    if (!fresh) return returned;
    return returned && returned.sequence < fresh.sequence ? returned : fresh;
  }

  /** Takes what first() returned. */
  take(message: Stored): void {
    if (this.#returned.peek() === message) this.#returned.pop();
    else this.#advance();
    this.#size--;
  }

  #advance(): void {
    this.#fresh[this.#head++] = undefined;
    if (this.#head > 1024 && this.#head * 2 > this.#fresh.length) {
      this.#fresh = this.#fresh.slice(this.#head);
      this.#head = 0;
    }
  }
}
