import { LRUCache } from 'lru-cache';
import type { Message } from '../history/conversation.ts';
import type { HistoryDocument } from '../history/document.ts';
import { isUntitled } from '../history/document.ts';
import type { TurnEvent } from '../history/event.ts';
import { isMarker } from '../history/marker.ts';

/** Clocks of the publisher, the broker and this machine may differ by this much. */
const CLOCK_MARGIN_MS = 5_000;
const REMEMBERED_MESSAGES = 64;
/** About 20,000 conversations of ten turns. */
const REMEMBERED_BYTES = 16_000_000;
const ENTRY_BYTES = 200;

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
    names: string;
    /** Of the markers among them: the event of such a turn must be told what is left out, whatever else of it is stored. */
    omitted: string;
    readAtMs: number;
    named: boolean;
  };
  const entries = new LRUCache<string, Entry>({
    maxSize: REMEMBERED_BYTES,
    sizeCalculation: ({ names, omitted }, key) => ENTRY_BYTES + names.length + omitted.length + key.length,
  });
  return {
    note(key, history, readAtMs) {
      if (history.messages.some(({ messageId }) => String(messageId).includes(BETWEEN)))
        return void entries.delete(key);
      const names = namesOf(history.messages.slice(-REMEMBERED_MESSAGES));
      const omitted = namesOf(history.messages.filter(isMarker).slice(-REMEMBERED_MESSAGES));
      const named = !isUntitled(history.title) || history.titleRefused === true;
      entries.set(key, { names, omitted, readAtMs, named });
    },
    named(key) {
      const entry = entries.get(key);
      if (entry) entry.named = true;
    },
    covers(key, { chatMessageId }, enqueuedAtMs) {
      const entry = entries.get(key);
      if (!entry?.named || enqueuedAtMs === undefined || entry.readAtMs < enqueuedAtMs + CLOCK_MARGIN_MS)
        return false;
      return hasTurn(entry.names, chatMessageId) && !hasTurn(entry.omitted, chatMessageId);
    },
    forget: (key) => void entries.delete(key),
  };
}

/** In no sensible id: a conversation that has it is not remembered. */
const BETWEEN = '\u0000';

/** The ids of messages as one text, which takes a tenth of what as many objects take. */
function namesOf(messages: readonly Message[]): string {
  const ids = messages.flatMap(({ messageId }) =>
    typeof messageId === 'string' && messageId !== '' ? [messageId] : [],
  );
  return ids.length === 0 ? '' : `${BETWEEN}${ids.join(BETWEEN)}${BETWEEN}`;
}

/** As `isOfTurn`: the turn's id, or that with `_…` behind it. */
const hasTurn = (names: string, turn: string): boolean =>
  !turn.includes(BETWEEN) &&
  (names.includes(`${BETWEEN}${turn}${BETWEEN}`) || names.includes(`${BETWEEN}${turn}_`));
