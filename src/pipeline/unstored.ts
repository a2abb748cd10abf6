import type { Conversation } from '../history/conversation.ts';

/** What the rounds of one conversation have read and could not store. */
export type Kept = {
  readonly snapshot: Conversation | undefined;
  /** In place of what was kept: it must be in it. `bytes` is its size as JSON. */
  keep(snapshot: Conversation, bytes: number): void;
  /** It is stored, or never will be. */
  forget(): void;
};

export type Unstored = {
  /** An event of the conversation is in hand; answers what to call once when it no longer is. */
  enter(key: string): () => void;
  of(key: string): Kept;
};

/**
 * Keeps what a round has read and could not store: Redis may have trimmed or forgotten it before the next round reads. It is
 * kept as long as an event of the conversation is in hand, and as long as all that is kept is within `limitBytes`; a conversation
 * that is larger than that is kept alone. What is over the limit is left to Redis.
 */
export function makeUnstored(limitBytes: number): Unstored {
  type Entry = { events: number; snapshot: Conversation | undefined; bytes: number };
  const entries = new Map<string, Entry>();
  let keptBytes = 0;

  function put(entry: Entry, snapshot: Conversation | undefined, bytes: number): void {
    keptBytes += bytes - entry.bytes;
    entry.snapshot = snapshot;
    entry.bytes = bytes;
  }

  return {
    enter(key) {
      const entry = entries.get(key) ?? { events: 0, snapshot: undefined, bytes: 0 };
      entries.set(key, entry);
      entry.events += 1;
      return () => {
        entry.events -= 1;
        if (entry.events > 0) return;
        put(entry, undefined, 0);
        entries.delete(key);
      };
    },
    of(key) {
      const entry = entries.get(key);
      return {
        get snapshot() {
          return entry?.snapshot;
        },
        keep(snapshot, bytes) {
          // Nothing is in hand any more for which it would be stored.
          if (!entry || entry.events === 0) return;
          const others = keptBytes - entry.bytes;
          if (others === 0 || others + bytes <= limitBytes) put(entry, snapshot, bytes);
        },
        forget() {
          if (entry) put(entry, undefined, 0);
        },
      };
    },
  };
}
