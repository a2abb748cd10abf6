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

test('a turn is known by its id, or by that with a role behind it, and by no other id that begins so', () => {
  const recent = makeRecent();
  const ids = ['t1_user', 't1_assistant', 't22', 'x\u0000t3_user'];
  const messages = ids.map((messageId) => ({ messageId, role: 'user', content: '' }));
  recent.note('key', history(messages.slice(0, 3)), 10_000);
  const covered = ['t1', 't22', 't1_user', 't', 't2', 't3', 't1_u', '\u0000t1', ''];
  expect(covered.filter((turn) => recent.covers('key', eventOf(turn), 1_000))).toEqual([
    't1',
    't22',
    't1_user',
  ]);
  recent.note('key', history(messages), 10_000);
  expect(recent.covers('key', eventOf('t1'), 1_000)).toBe(false);
});

const said = [{ messageId: 'a_user', role: 'user', content: 'one' }];

test('an untitled conversation covers nothing, since an event may bring its title, until it is named or refused one', () => {
  const recent = makeRecent();
  recent.note('key', { ...history(said), title: 'New Conversation' }, 10_000);
  expect(recent.covers('key', eventOf('a'), 1_000)).toBe(false);
  recent.named('key');
  expect(recent.covers('key', eventOf('a'), 1_000)).toBe(true);
  recent.note('other', { ...history(said), title: 'New Conversation', titleRefused: true }, 10_000);
  expect(recent.covers('other', eventOf('a'), 1_000)).toBe(true);
  recent.forget('other');
  expect(recent.covers('other', eventOf('a'), 1_000)).toBe(false);
});

test('an event is covered by a snapshot that was read after it was enqueued, with a margin for clocks', () => {
  const recent = makeRecent();
  recent.note('key', history(said), 10_000);
  expect(recent.covers('key', eventOf('a'), 5_000)).toBe(true);
  expect(recent.covers('key', eventOf('a'), 5_001)).toBe(false);
  expect(recent.covers('key', eventOf('a'), undefined)).toBe(false);
});

test('ten thousand conversations of ten turns are remembered', () => {
  const recent = makeRecent();
  const messages = Array.from({ length: 20 }, (_, n) => ({
    messageId: `0f8fad5b-d9cb-469f-a165-70867728950e-${n}`,
    role: 'user',
  }));
  for (let n = 0; n < 10_000; n += 1) recent.note(`["user","session-${n}"]`, history(messages), 10_000);
  expect(recent.covers('["user","session-0"]', eventOf(messages[3]!.messageId), 1_000)).toBe(true);
});
