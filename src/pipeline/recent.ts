import { LRUCache } from 'lru-cache';
import type { Message } from '../history/conversation.ts';
import type { HistoryDocument } from '../history/document.ts';
import { isUntitled } from '../history/document.ts';
import type { TurnEvent } from '../history/event.ts';
import { isMarker } from '../history/marker.ts';
import { namesTurn } from '../history/turn.ts';

/** Clocks of the publisher, the broker and this machine may differ by this much. */
const CLOCK_MARGIN_MS = 5_000;
const REMEMBERED_CONVERSATIONS = 5_000;
const REMEMBERED_MESSAGES = 64;

/** What is remembered of a message. */
type Name = { messageId: string; role: string };

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
  type Entry = {
    messages: Name[];
    /** The markers among them: the event of such a turn must be told what is left out, whatever else of it is stored. */
    omitted: Name[];
    readAtMs: number;
    named: boolean;
  };
  const entries = new LRUCache<string, Entry>({ max: REMEMBERED_CONVERSATIONS });
  return {
    note(key, history, readAtMs) {
      const messages = history.messages.slice(-REMEMBERED_MESSAGES).filter(hasId).map(nameOf);
      const omitted = history.messages.filter(isMarker).filter(hasId).slice(-REMEMBERED_MESSAGES).map(nameOf);
      const named = !isUntitled(history.title) || history.titleRefused === true;
      entries.set(key, { messages, omitted, readAtMs, named });
    },
    named(key) {
      const entry = entries.get(key);
      if (entry) entry.named = true;
    },
    covers(key, event, enqueuedAtMs) {
      const entry = entries.get(key);
      if (!entry?.named || enqueuedAtMs === undefined || entry.readAtMs < enqueuedAtMs + CLOCK_MARGIN_MS)
        return false;
      return namesTurn(entry.messages, event) && !namesTurn(entry.omitted, event);
    },
    forget: (key) => void entries.delete(key),
  };
}

const hasId = ({ messageId }: Message): boolean => Boolean(messageId);
const nameOf = ({ messageId, role }: Message): Name => ({ messageId: messageId!, role });
