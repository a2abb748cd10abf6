import { LRUCache } from 'lru-cache';
import type { HistoryDocument } from '../history/document.ts';
import { makeOdds, type Odds } from './odds.ts';

/** A head as it was stored last, under this etag. `bytes` is its size as JSON, once anybody has asked (`sizeOf`). */
export type Stored = { document: HistoryDocument; etag: string; bytes?: number };

/** Its size as JSON, measured once. */
export function sizeOf(stored: Stored): number {
  stored.bytes ??= Buffer.byteLength(JSON.stringify(stored.document));
  return stored.bytes;
}

export type Warm = {
  /** What history probably still holds; undefined where that is not known, or has often been wrong of late. */
  of(key: string): Stored | undefined;
  note(key: string, stored: Stored): void;
  forget(key: string): void;
  /** How it went when a write was made on what is remembered. */
  readonly odds: Odds;
  /** How it goes when a conversation that is not remembered is taken for a new one. */
  readonly newness: Odds;
};

/**
 * The conversations that this process stored last, bounded by their bytes: the next turn of one is written without a read, under the
 * remembered etag. That is a hint only: the condition decides, and a conflict is followed by a read. Where other workers take
 * the turns of the same conversations the hint is mostly wrong, and not used. So it is with creating what is not remembered.
 */
export function makeWarm(limitBytes: number, chance: { random(): number }): Warm {
  const documents = new LRUCache<string, Stored>({ maxSize: limitBytes });
  const odds = makeOdds(chance);
  return {
    odds,
    newness: makeOdds(chance),
    of(key) {
      const stored = documents.get(key);
      return stored && odds.worthTrying() ? stored : undefined;
    },
    note: (key, stored) => void documents.set(key, stored, { size: Math.max(1, sizeOf(stored)) }),
    forget: (key) => void documents.delete(key),
  };
}

/** Remembers nothing and guesses nothing: for whoever must see history itself. */
export function makeCold(): Warm {
  const never: Odds = { worthTrying: () => false, tried: () => undefined };
  return { odds: never, newness: never, of: () => undefined, note: () => undefined, forget: () => undefined };
}
