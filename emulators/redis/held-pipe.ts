import type { Duplex } from 'node:stream';

type Held = { chunk: Buffer | 'end'; due: number; isReady: boolean };

export type HeldPipe = {
  /** Passes the bytes on in their order, at `due` (performance.now) at the earliest, and not before `ready`. */
  push(chunk: Buffer | 'end', due?: number, ready?: Promise<void>): void;
  /** Looks again whether something may pass: after a freeze. */
  flush(): void;
  close(): void;
};

const MAX_HELD_BYTES = 8 * 1024 * 1024;

/**
 * One direction of a connection, in which bytes can be held up without changing their order. While too much is held, or
 * the target takes no more, the source is paused.
 */
export function makeHeldPipe(source: Duplex, target: Duplex, isFrozen: () => boolean): HeldPipe {
  const queue: Held[] = [];
  let heldBytes = 0;
  let isFull = false;
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    while (!isClosed && !isFull && !isFrozen() && queue[0]?.isReady) {
      const wait = queue[0].due - performance.now();
      if (wait > 0) {
        timer = setTimeout(flush, Math.ceil(wait));
        break;
      }
      pass(queue.shift()!.chunk);
    }
    if (heldBytes > MAX_HELD_BYTES || isFull) source.pause();
    else source.resume();
  }

  function pass(chunk: Buffer | 'end'): void {
    if (chunk === 'end') {
      target.end();
      return;
    }
    heldBytes -= chunk.length;
    isFull = !target.write(chunk);
  }

  const onDrain = () => {
    isFull = false;
    flush();
  };
  target.on('drain', onDrain);

  return {
    push(chunk, due = 0, ready) {
      const held: Held = { chunk, due, isReady: ready === undefined };
      queue.push(held);
      if (chunk !== 'end') heldBytes += chunk.length;
      ready?.then(
        () => {
          held.isReady = true;
          flush();
        },
        (error: Error) => target.destroy(error),
      );
      flush();
    },
    flush,
    close() {
      isClosed = true;
      clearTimeout(timer);
      target.off('drain', onDrain);
    },
  };
}
