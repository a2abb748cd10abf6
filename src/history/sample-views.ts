import type { Conversation, Message } from './conversation.ts';
import { type HistoryDocument, newDocument } from './document.ts';

/** Views of one conversation, for tests of history by itself. Times are seconds of one morning. */
export const at = (second: number): string => new Date(Date.UTC(2025, 5, 5, 10, 0, second)).toISOString();

/** As Redis has it, last active at this second. */
export const snapshot = (messages: Message[], second: number): Conversation => ({
  sessionId: 's',
  userId: 'u',
  title: null,
  createdAt: at(0),
  lastActivity: at(second),
  messages,
});

/** As history has it. */
export const document = (messages: Message[], second: number): HistoryDocument =>
  newDocument(snapshot(messages, second), { persistedAt: at(second) });
