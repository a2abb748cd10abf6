import { expect, test } from 'vitest';
import type { Message } from '../history/conversation.ts';
import { newDocument } from '../history/document.ts';
import { makeRecent } from './recent.ts';

const times = { createdAt: '2026-01-01T00:00:00Z', lastActivity: '2026-01-01T00:00:00Z' };
const history = (messages: Message[]) =>
  newDocument(
    { sessionId: 's', userId: 'u', title: 'Eggs', ...times, messages },
    { persistedAt: times.createdAt },
  );
const eventOf = (chatMessageId: string) => ({
  sessionId: 's',
  userId: 'u',
  chatMessageId,
  completedAt: '2026-01-02T00:00:00Z',
  completedAtMs: Date.UTC(2026, 0, 2),
});

test('a turn of which a message is left out is not covered, whatever else of it is stored', () => {
  const recent = makeRecent();
  const messages = [
    { messageId: 'a_user', role: 'user', content: 'one' },
    { messageId: 'b_user', role: 'user', content: 'two' },
    { messageId: 'b_assistant', role: 'assistant', omittedBytes: 3_000_000 },
  ];
  recent.note('key', history(messages), 10_000);
  expect(recent.covers('key', eventOf('a'), 1_000)).toBe(true);
  expect(recent.covers('key', eventOf('b'), 1_000)).toBe(false);
});
