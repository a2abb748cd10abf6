export type Timer = { atMs: number; order: number; fire: () => void };

/** Timers by time, and those of one moment in the order in which they were set. */
export type Timers = { add(timer: Timer): void; next(): Timer | undefined };

export function makeTimers(): Timers {
  const heap: Timer[] = [];
  const isBefore = (a: Timer, b: Timer): boolean =>
    a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
  return {
    add(timer) {
      let at = heap.length;
      while (at > 0) {
        const above = (at - 1) >> 1;
        if (!isBefore(timer, heap[above]!)) break;
        heap[at] = heap[above]!;
        at = above;
      }
      heap[at] = timer;
    },
    next() {
      const first = heap[0];
      const last = heap.pop();
      if (first === undefined || last === undefined || heap.length === 0) return first;
      let at = 0;
      for (;;) {
        let below = 2 * at + 1;
        if (below >= heap.length) break;
        if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below += 1;
        if (!isBefore(heap[below]!, last)) break;
        heap[at] = heap[below]!;
        at = below;
      }
      heap[at] = last;
      return first;
    },
  };
}
