import { LRUCache } from 'lru-cache';
import type { HistoryDocument } from '../history/document.ts';

/** A head as it was stored last, under this etag. `bytes` is its size as JSON. */
export type Stored = { document: HistoryDocument; etag: string; bytes: number };

export type Warm = {
  /** What history probably still holds; undefined where that is not known, or has often been wrong of late. */
  of(key: string): Stored | undefined;
  note(key: string, stored: Stored): void;
  forget(key: string): void;
  /** Whether a write under a remembered etag has held. */
  tried(held: boolean): void;
};

/** Each try counts so much in the share of those that held. */
const WEIGHT = 1 / 16;
/** A read costs about a fifth of a write (Microsoft's table of request units), and so does a write that meets a 412. */
const WORTH_TRYING = 0.5;
/** Of those that would not be worth it, so many are tried all the same: another worker may have gone. */
const EXPLORED = 1 / 16;

/**
 * The conversations that this process stored last, bounded by their bytes: the next turn of one is written without a read, under the
 * remembered etag. That is a hint only: the condition decides, and a conflict is followed by a read. Where other workers take
 * the turns of the same conversations the hint is mostly wrong, and not used.
 */
export function makeWarm(limitBytes: number, chance: { random(): number }): Warm {
  const documents = new LRUCache<string, Stored>({ maxSize: limitBytes });
  let heldShare = 1;
  return {
    of(key) {
      const stored = documents.get(key);
      if (!stored) return undefined;
      return heldShare >= WORTH_TRYING || chance.random() < EXPLORED ? stored : undefined;
    },
    note: (key, stored) => void documents.set(key, stored, { size: Math.max(1, stored.bytes) }),
    forget: (key) => void documents.delete(key),
    tried(held) {
      heldShare += WEIGHT * ((held ? 1 : 0) - heldShare);
    },
  };
}
