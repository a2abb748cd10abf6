import { LRUCache } from 'lru-cache';
import { holdsTurn } from '../history/conversation.ts';
import type { HistoryDocument } from '../history/document.ts';
import { isUntitled } from '../history/document.ts';
import type { TurnEvent } from '../history/event.ts';

/** Clocks of the publisher, the broker and this machine may differ by this much. */
const CLOCK_MARGIN_MS = 5_000;
const REMEMBERED_CONVERSATIONS = 5_000;
const REMEMBERED_MESSAGES = 64;

export type Recent = {
  note(key: string, history: HistoryDocument, readAtMs: number): void;
  /** The title has come, or has been refused for good. */
  named(key: string): void;
  /** Whether the event needs no work: history holds its turn from a snapshot that was read after it was enqueued. */
  covers(key: string, event: TurnEvent, enqueuedAtMs: number | undefined): boolean;
  forget(key: string): void;
};

/** What this process knows to be stored, bounded. An untitled conversation covers nothing: an event may bring its title. */
export function makeRecent(): Recent {
  type Entry = { messages: { messageId?: string; role: string }[]; readAtMs: number; named: boolean };
  const entries = new LRUCache<string, Entry>({ max: REMEMBERED_CONVERSATIONS });
  return {
    note(key, history, readAtMs) {
      const messages = history.messages
        .slice(-REMEMBERED_MESSAGES)
        // A marker is no proof that the message is stored: its event must be told so.
        .filter((message) => message.messageId && message.omittedBytes === undefined)
        .map(({ messageId, role }) => ({ messageId: messageId!, role }));
      const named = !isUntitled(history.title) || history.titleRefused === true;
      entries.set(key, { messages, readAtMs, named });
    },
    named(key) {
      const entry = entries.get(key);
      if (entry) entry.named = true;
    },
    covers(key, event, enqueuedAtMs) {
      const entry = entries.get(key);
      if (!entry?.named || enqueuedAtMs === undefined || entry.readAtMs < enqueuedAtMs + CLOCK_MARGIN_MS)
        return false;
      return holdsTurn({ messages: entry.messages }, event);
    },
    forget: (key) => void entries.delete(key),
  };
}
