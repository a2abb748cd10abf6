import type { FoundHead, FoundSegment, Queries, Scope } from '../azure/cosmos-queries.ts';
import { keyOf } from '../pipeline/conversation-key.ts';
import { Failure, type FailureCode } from '../pipeline/failures.ts';
import type { Clock, HistoryStore, Ids } from '../pipeline/ports.ts';
import { makeSlots } from '../pipeline/slots.ts';
import { type Buried, bury } from './bury.ts';
import type { Patience } from './patience.ts';

/** What history holds of a user or a session. */
export type Held = { heads: FoundHead[]; segments: FoundSegment[] };

export type Erased = {
  erased: number;
  /** Were tombstones before. */
  erasedBefore: number;
  /** Have a tombstone although history had nothing of them. */
  forestalled: number;
  pages: number;
  refused: (Ids & { code: FailureCode; description: string })[];
};

export type ErasePorts = {
  queries: Queries;
  store: HistoryStore;
  patience: Patience;
  clock: Pick<Clock, 'now' | 'sleep'>;
  maxConcurrency: number;
  /** Told of each conversation and each page that is done. */
  onStep: () => void;
  signal: AbortSignal;
};

/** @throws Failure of Cosmos DB that time does not mend */
export async function findHeld(
  scope: Scope,
  { queries, patience }: Pick<ErasePorts, 'queries' | 'patience'>,
): Promise<Held> {
  return patience.wait(async () => {
    const held: Held = { heads: [], segments: [] };
    for await (const page of queries.heads(scope)) held.heads.push(...page);
    for await (const page of queries.segments(scope)) held.segments.push(...page);
    return held;
  });
}

/** Marked as deleted is not erased. */
export const isLive = ({ isDeleted, isFilled }: FoundHead): boolean => !isDeleted || isFilled;

export type Eraser = {
  /** Erases these: first every head, then the segments of those whose head is a tombstone. Begins nothing more once `signal` aborts. */
  erase(held: { heads: readonly Ids[]; segments: readonly FoundSegment[] }): Promise<void>;
  /** What of these is not done, nor refused. A query may lag behind what was written: that it still shows it says nothing. */
  left(held: Held): Held;
  readonly erased: Erased;
};

/**
 * Removes conversations for good, tombstone first: from then on no late event, no replay and no other writer brings anything back,
 * and only then the pages go. Safe to interrupt, to repeat, and to run twice at once.
 */
export function makeEraser(ports: ErasePorts): Eraser {
  const { store, patience, clock, onStep, signal } = ports;
  const erased: Erased = { erased: 0, erasedBefore: 0, forestalled: 0, pages: 0, refused: [] };
  const counted: Record<Buried, 'erased' | 'erasedBefore' | 'forestalled'> = {
    erased: 'erased',
    'erased before': 'erasedBefore',
    forestalled: 'forestalled',
  };
  const buried = new Set<string>();
  const refused = new Set<string>();
  const deleted = new Set<string>();

  async function buryOne(ids: Ids): Promise<void> {
    const key = keyOf(ids);
    if (buried.has(key) || refused.has(key)) return;
    const deletedAt = new Date(clock.now()).toISOString();
    try {
      erased[counted[await patience.wait(() => bury(ids, deletedAt, store))]] += 1;
      buried.add(key);
    } catch (error) {
      if (!(error instanceof Failure) || error.code === 'StoreMisconfigured') throw error;
      if (signal.aborted) return;
      refused.add(key);
      erased.refused.push({ ...ids, code: error.code, description: error.message });
    }
    onStep();
  }

  async function deleteOne(segment: FoundSegment): Promise<void> {
    // A page of what is still there belongs to it.
    if (!buried.has(keyOf(segment))) return;
    try {
      await patience.wait(() => store.deleteSegment(segment, segment.id));
    } catch (error) {
      if (!(error instanceof Failure) || !signal.aborted) throw error;
      return;
    }
    deleted.add(segment.id);
    erased.pages += 1;
    onStep();
  }

  async function each<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
    const slots = makeSlots(ports.maxConcurrency);
    let failed = false;
    const tasks: Promise<void>[] = [];
    for (const item of items) {
      await slots.take();
      if (signal.aborted || failed) break;
      const task = work(item)
        .catch((error) => {
          failed = true;
          throw error;
        })
        .finally(slots.give);
      // It is awaited with the others.
      task.catch(() => undefined);
      tasks.push(task);
    }
    await Promise.all(tasks);
  }

  return {
    erased,
    left: ({ heads, segments }) => ({
      heads: heads.filter((head) => isLive(head) && !buried.has(keyOf(head)) && !refused.has(keyOf(head))),
      segments: segments.filter((segment) => !deleted.has(segment.id) && !refused.has(keyOf(segment))),
    }),
    async erase({ heads, segments }) {
      // A page without a head may be of one that is just about to be written.
      const all = new Map(
        [...heads, ...segments].map(({ sessionId, userId }) => {
          const ids = { sessionId, userId };
          return [keyOf(ids), ids] as const;
        }),
      );
      await each(all.values(), buryOne);
      await each(segments, deleteOne);
    },
  };
}
