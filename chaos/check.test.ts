import { beforeEach, describe, expect, test } from 'vitest';
import { titleFor } from '../emulators/chat-completions/title.ts';
import { check, type DeadLetter, type Kind } from './check.ts';
import type { Item } from './history.ts';
import { type Ledger, type Message, newLedger, type Talk } from './ledger.ts';

const at = (index: number): string => `2026-03-01T10:00:0${index}.123456+00:00`;
const said = (turn: string, role: string, index: number, content: unknown = `of ${turn}`): Message => ({
  messageId: `${turn}_${role}`,
  role,
  content,
  timestamp: at(index),
});

let ledger: Ledger;
let alice: Talk;
let items: (Item & { messages: Message[] })[];
let deadLetters: DeadLetter[];
let unsettled: number;

function talk(sessionId: string, userId: string): Talk {
  return {
    sessionId,
    userId,
    createdAt: at(0),
    lastActivity: at(2),
    messages: [
      [said(`${sessionId}_1`, 'user', 1)],
      [
        said(`${sessionId}_1`, 'assistant', 1, 'first draft'),
        said(`${sessionId}_1`, 'assistant', 1, 'better'),
      ],
      [{ role: 'user', content: 'ok', timestamp: at(2) }],
      [{ role: 'user', content: 'ok', timestamp: at(2) }],
      [said(`${sessionId}_2`, 'assistant', 2, null)],
    ],
    opening: `Opening for ${userId}`,
    rename: undefined,
    undone: 0,
  };
}

const stored = ({ sessionId, userId, createdAt, lastActivity, messages, opening }: Talk) => ({
  ...{ id: sessionId, sessionId, userId, createdAt, lastActivity, title: titleFor(opening) },
  messages: messages.map((versions) => versions.at(-1)!),
});

beforeEach(() => {
  ledger = newLedger();
  alice = talk('sess_a', 'alice');
  ledger.talks = [alice, talk('sess_b', 'bob')];
  ledger.events = new Map([
    ['good', 'complete'],
    ['bad', 'InvalidEvent'],
  ]);
  items = ledger.talks.map(stored);
  deadLetters = [{ messageId: 'bad', reason: 'InvalidEvent' }];
  unsettled = 0;
});

async function sums(): Promise<Partial<Record<Kind, number>>> {
  const result: Partial<Record<Kind, number>> = {};
  for (const { kind, count } of await check(ledger, { items, deadLetters, unsettled }))
    result[kind] = (result[kind] ?? 0) + count;
  return result;
}

/** Of alice's conversation the first two messages become a segment. */
function page(): void {
  const head = items[0]!;
  const segment = { id: '~seg|1', type: 'segment', userId: 'alice', messages: head.messages.splice(0, 2) };
  head.segments = [{ id: '~seg|1' }];
  items.push(segment);
}

test('a store that holds what was put in passes, in pages too, and a segment that no head lists does not count', async () => {
  expect(await sums()).toEqual({});
  page();
  items.push({ id: '~seg|2', type: 'segment', userId: 'alice', messages: [said('left over', 'user', 1)] });
  expect(await sums()).toEqual({});
});

describe('lost', () => {
  test.each<[string, (head: Message[]) => unknown, number]>([
    ['a message is missing', (messages) => messages.pop(), 1],
    ['one of two equal messages is missing', (messages) => messages.splice(2, 1), 1],
    ['a message is altered', (messages) => Object.assign(messages[0]!, { content: 'other words' }), 1],
    ['a field was added', (messages) => Object.assign(messages[0]!, { name: null }), 1],
    ['two messages stand in the wrong order', (messages) => messages.reverse(), 3],
  ])('%s', async (_, doctor, count) => {
    items = structuredClone(items);
    doctor(items[0]!.messages);
    expect(await sums()).toEqual({ lost: count });
  });
  test('the conversation is not there at all', async () => {
    items.shift();
    expect(await sums()).toEqual({ lost: 5 });
  });
  test('a segment is not there', async () => {
    page();
    items.pop();
    expect((await sums()).lost).toBe(3);
  });
  test('it stands in another partition', async () => {
    items[0]!.userId = 'mallory';
    expect(await sums()).toEqual({ lost: 5, crossed: 1 });
  });
});

describe('reverted', () => {
  test('an edited message has its older content', async () => {
    items[0]!.messages[1] = alice.messages[1]![0]!;
    expect(await sums()).toEqual({ reverted: 1 });
  });
  test.each(['lastActivity', 'createdAt'])('%s is another', async (field) => {
    items[0]![field] = at(1);
    expect(await sums()).toEqual({ reverted: 1 });
  });
  test('a renaming is undone, in the end or in between', async () => {
    alice.rename = 'Holidays';
    alice.undone = 2;
    expect(await sums()).toEqual({ reverted: 3 });
    items[0]!.title = 'Holidays';
    expect(await sums()).toEqual({ reverted: 2 });
  });
});

test('duplicated: a message is there twice, once in a segment', async () => {
  page();
  items[0]!.messages.unshift(alice.messages[0]![0]!);
  items[0]!.messages.push({ role: 'user', content: 'ok', timestamp: at(2) });
  expect(await sums()).toEqual({ duplicated: 2 });
});

describe('crossed', () => {
  test('a message is of another user’s conversation, or of none', async () => {
    items[0]!.messages.push(items[1]!.messages[0]!, said('nobody', 'user', 2));
    expect(await sums()).toEqual({ crossed: 2 });
  });
  test('the title is of another conversation', async () => {
    items[0]!.title = items[1]!.title;
    expect(await sums()).toEqual({ crossed: 1 });
  });
  test('an item is there that nobody put in', async () => {
    items.push({ id: 'sess_poison', userId: 'mallory', messages: [] });
    expect(await sums()).toEqual({ crossed: 1 });
  });
});

describe('wrongly dead-lettered', () => {
  test.each<[string, DeadLetter[]]>([
    [
      'a good event',
      [
        { messageId: 'bad', reason: 'InvalidEvent' },
        { messageId: 'good', reason: 'InvalidEvent' },
      ],
    ],
    ['under another reason', [{ messageId: 'bad', reason: 'MaxDeliveryCountExceeded' }]],
    ['not, although it deserves it', []],
  ])('%s', async (_, found) => {
    deadLetters = found;
    expect(await sums()).toEqual({ wronglyDeadLettered: 1 });
  });
});

test('unsettled: events that are still there', async () => {
  unsettled = 4;
  expect(await sums()).toEqual({ unsettled: 4 });
});
