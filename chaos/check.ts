import { isDeepStrictEqual } from 'node:util';
import { titleFor } from '../emulators/chat-completions/title.ts';
import { type History, type Item, readHistory } from './history.ts';
import type { Ledger, Message, Talk } from './ledger.ts';

export const kinds = [
  'lost',
  'reverted',
  'duplicated',
  'crossed',
  'wronglyDeadLettered',
  'unsettled',
] as const;
export type Kind = (typeof kinds)[number];
/** Something that is not as it must be. The detail has counts and names of fields, never content. */
export type Finding = { kind: Kind; id: string; count: number; detail: string };
export type DeadLetter = { messageId: string; reason: string };
/** What is found when all is quiet. */
export type Found = { items: readonly Item[]; deadLetters: readonly DeadLetter[]; unsettled: number };

/** Compares what is there with what was put in. Knows the rules of the stored form, and nothing of the worker's code. */
export async function check(ledger: Ledger, { items, deadLetters, unsettled }: Found): Promise<Finding[]> {
  const findings: Finding[] = [];
  const add = (kind: Kind, id: string, count: number, detail: string): void => {
    if (count > 0) findings.push({ kind, id, count, detail });
  };
  const stored = new Map(items.map((item) => [keyOf(item.userId, item.id), item]));
  const owners = new Map<string, Talk>();
  for (const talk of ledger.talks)
    for (const versions of talk.messages) for (const version of versions) owners.set(nameOf(version), talk);
  const titles = new Map(ledger.talks.map((talk) => [titleFor(talk.opening), talk]));

  for (const talk of ledger.talks) {
    const history = await readHistory(async (id) => stored.get(keyOf(talk.userId, id)), talk.sessionId);
    if (!history) add('lost', talk.sessionId, talk.messages.length, 'the conversation is not there');
    else
      judgeTalk(talk, history, owners, titles, (...found) =>
        add(found[0], talk.sessionId, found[1], found[2]),
      );
  }

  const own = new Set(ledger.talks.map((talk) => keyOf(talk.userId, talk.sessionId)));
  for (const item of items)
    if (item.type !== 'segment' && !own.has(keyOf(item.userId, item.id)))
      add('crossed', item.id, 1, 'an item that no user put in');

  judgeDeadLetters(ledger, deadLetters, add);
  add('unsettled', 'subscription', unsettled, 'events are still there');
  return findings;
}

function judgeTalk(
  talk: Talk,
  { head, messages, missing }: History,
  owners: Map<string, Talk>,
  titles: Map<string, Talk>,
  add: (kind: Kind, count: number, detail: string) => void,
): void {
  const positions = new Map<string, number[]>();
  talk.messages.forEach((versions, index) => {
    const name = nameOf(versions[0]!);
    positions.set(name, [...(positions.get(name) ?? []), index]);
  });
  const taken = new Map<string, number>();
  const order: number[] = [];
  const count = { altered: 0, older: 0, twice: 0, others: 0, strange: 0 };
  for (const message of messages) {
    const name = nameOf(message);
    const places = positions.get(name);
    if (!places) {
      if (owners.has(name)) count.others += 1;
      else count.strange += 1;
      continue;
    }
    const copy = taken.get(name) ?? 0;
    taken.set(name, copy + 1);
    if (copy >= places.length) {
      count.twice += 1;
      continue;
    }
    order.push(places[copy]!);
    const versions = talk.messages[places[copy]!]!;
    const version = versions.findIndex((other) => isDeepStrictEqual(other, message));
    if (version < 0) count.altered += 1;
    else if (version < versions.length - 1) count.older += 1;
  }
  add('lost', talk.messages.length - order.length, 'messages are missing');
  add('lost', count.altered, 'messages are altered');
  add('lost', order.length - longestRise(order), 'messages are in the wrong order');
  add('lost', missing, 'segments that the head lists are missing');
  add('reverted', count.older, 'messages have an older content');
  add('duplicated', count.twice, 'messages are there more than once');
  add('crossed', count.others, 'messages are of another conversation');
  add('crossed', count.strange, 'messages are of no conversation');

  if (head.lastActivity !== talk.lastActivity) add('reverted', 1, 'lastActivity is not the last turn’s');
  if (head.createdAt !== talk.createdAt) add('reverted', 1, 'createdAt is not the first turn’s');
  if (talk.rename !== undefined && head.title !== talk.rename) add('reverted', 1, 'a renaming is undone');
  add('reverted', talk.undone, 'a renaming was seen to be undone');
  if (head.sessionId !== talk.sessionId) add('crossed', 1, 'sessionId is another');
  const named = titles.get(String(head.title));
  if (named && named !== talk && head.title !== titleFor(talk.opening))
    add('crossed', 1, 'the title is of another conversation');
}

function judgeDeadLetters(
  ledger: Ledger,
  deadLetters: readonly DeadLetter[],
  add: (kind: Kind, id: string, count: number, detail: string) => void,
): void {
  const given = new Map<string, number>();
  for (const { messageId, reason } of deadLetters) {
    const deserved = ledger.events.get(messageId);
    given.set(messageId, (given.get(messageId) ?? 0) + 1);
    if (deserved !== reason)
      add('wronglyDeadLettered', messageId, 1, `as ${reason}, deserved: ${deserved ?? 'an unknown event'}`);
  }
  for (const [messageId, deserved] of ledger.events)
    if (deserved !== 'complete' && !given.has(messageId))
      add('wronglyDeadLettered', messageId, 1, `not at all, deserved: ${deserved}`);
}

/** Whether history holds every message of a talk in its newest version. */
export function holdsAll(talk: Talk, { messages }: History): boolean {
  return talk.messages.every((versions) =>
    messages.some((message) => isDeepStrictEqual(message, versions.at(-1))),
  );
}

/** What a message is known by: its id, or without one all of it. */
const nameOf = (message: Message): string =>
  typeof message.messageId === 'string' ? message.messageId : JSON.stringify(Object.entries(message).sort());
const keyOf = (userId: unknown, id: string): string => JSON.stringify([userId, id]);

/** How many of the numbers, at most, stand in rising order. */
function longestRise(numbers: readonly number[]): number {
  const ends: number[] = [];
  for (const number of numbers) {
    const at = ends.findIndex((end) => end >= number);
    ends[at < 0 ? ends.length : at] = number;
  }
  return ends.length;
}
