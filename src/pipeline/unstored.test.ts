import { expect, test } from 'vitest';
import type { Conversation } from '../history/conversation.ts';
import { makeUnstored } from './unstored.ts';

const conversation = (sessionId: string) => ({ sessionId }) as Conversation;

test('is kept as long as an event of the conversation is in hand', () => {
  const unstored = makeUnstored(100);
  const [leave, leaveToo] = [unstored.enter('a'), unstored.enter('a')];
  unstored.of('a').keep(conversation('a'), 10);
  leave();
  expect(unstored.of('a').snapshot).toEqual(conversation('a'));
  leaveToo();
  expect(unstored.of('a').snapshot).toBeUndefined();
});

test('a round that ends after its last event is out of hand keeps nothing', () => {
  const unstored = makeUnstored(100);
  const leave = unstored.enter('a');
  const kept = unstored.of('a');
  leave();
  kept.keep(conversation('a'), 100);
  unstored.enter('a');
  unstored.enter('b');
  unstored.of('b').keep(conversation('b'), 100);
  expect([unstored.of('a').snapshot, unstored.of('b').snapshot]).toEqual([undefined, conversation('b')]);
});

test('what is over the limit is not kept, unless it is alone; what is forgotten makes room', () => {
  const unstored = makeUnstored(100);
  for (const key of ['a', 'b']) unstored.enter(key);
  const [a, b] = [unstored.of('a'), unstored.of('b')];
  a.keep(conversation('a'), 60);
  b.keep(conversation('b'), 50);
  expect([a.snapshot?.sessionId, b.snapshot?.sessionId]).toEqual(['a', undefined]);
  a.forget();
  b.keep(conversation('b'), 500);
  a.keep(conversation('a'), 1);
  expect([a.snapshot?.sessionId, b.snapshot?.sessionId]).toEqual([undefined, 'b']);
});
