import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Message } from './conversation.ts';
import {
  fingerprintOf,
  isApart,
  isCoveredAt,
  keepsFirstTime,
  makeLookup,
  positionBehind,
  sameRunAt,
} from './coverage.ts';
import { newDocument } from './document.ts';
import { canonicalJson } from './identity.ts';
import { mergeConversations } from './merge.ts';
import { isRef, type Layout, layOut, type PageLimits, type Part } from './pages.ts';
import { isSegmentList, makeSegment, messagesOfSegment } from './segment.ts';

const ids = { sessionId: 's', userId: 'u' };
const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const say = (id: string, second: number, content = `words of ${id}`): Message => ({
  messageId: id,
  role: 'user',
  content,
  timestamp: at(second),
});
const many = (count: number, bytes: number): Message[] =>
  Array.from({ length: count }, (_, index) => say(`m${index}`, index, 'x'.repeat(bytes)));
const snapshotOf = (messages: Message[], second: number) => ({
  ...ids,
  title: null,
  createdAt: at(0),
  lastActivity: at(second),
  messages,
});
let made = 0;
const partOf = (messages: Message[]): Part => {
  made += 1;
  return { ref: makeSegment(ids, messages, `uuid-${made}`).ref, messages };
};
const limits = (pageBytes: number): PageLimits => ({
  pageBytes,
  segmentBytes: Math.min(pageBytes, 1_000_000),
  itemBytes: 2_090_000,
});
const sizeOf = (messages: readonly Message[]): number => Buffer.byteLength(JSON.stringify(messages));
/** What a reader sees. */
const read = ({ list, head }: Layout, parts: readonly Part[]): Message[] => [
  ...list.flatMap((entry) => (isRef(entry) ? parts.find(({ ref }) => ref.id === entry.id)!.messages : entry)),
  ...head,
];

describe('laying a conversation out', () => {
  test('a small one is a head alone', () => {
    const messages = many(3, 10);
    expect(layOut(messages, [], 300, limits(64_000))).toEqual({ list: [], head: messages });
  });

  test('one that outgrows the page keeps its newest messages in a head that is half full', () => {
    const messages = many(100, 1000);
    const { list, head } = layOut(messages, [], 300, limits(64_000));
    expect([...list.flat(), ...head]).toEqual(messages);
    expect(sizeOf(head)).toBeGreaterThan(29_000);
    expect(sizeOf(head)).toBeLessThan(32_000);
    for (const run of list) expect(sizeOf(run as Message[])).toBeLessThanOrEqual(64_000);
  });

  test('thousands of small messages leave the head half full too, not empty', () => {
    const { head } = layOut(many(14_000, 50), [], 300, limits(1_996_800));
    expect(sizeOf(head)).toBeGreaterThan(900_000);
  });

  test.each([
    ['fits an item', 2_000_000, 300, 1],
    ['fits no item beside what else the head holds', 2_000_000, 100_000, 0],
  ])('a newest message that %s', (_, bytes, fixedBytes, inHead) => {
    for (const before of [[], many(3, 10)]) {
      const messages = [...before, say('big', 50, 'x'.repeat(bytes))];
      const layout = layOut(messages, [], fixedBytes, limits(65_536));
      expect(layout.head).toHaveLength(inHead);
      expect(read(layout, [])).toEqual(messages);
    }
  });

  test('segments stay, a changed one is cut anew in its place', () => {
    const messages = many(9, 1000);
    const parts = [partOf(messages.slice(0, 3)), partOf(messages.slice(3, 6))];
    expect(layOut(messages, parts, 300, limits(64_000)).list).toEqual(parts.map(({ ref }) => ref));
    const edited = messages.with(1, say('m1', 1, 'edited'));
    expect(layOut(edited, parts, 300, limits(64_000)).list).toEqual([edited.slice(0, 3), parts[1]!.ref]);
  });

  test('every message is laid out once and in order, whatever the sizes, the limit and what was cut before', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 3000 }), { maxLength: 60 });
    fc.assert(
      fc.property(
        sizes,
        fc.integer({ min: 200, max: 9000 }),
        fc.integer({ min: 100, max: 5000 }),
        fc.array(fc.nat(12), { maxLength: 6 }),
        fc.array(fc.nat(59), { maxLength: 4 }),
        (bytes, pageBytes, fixedBytes, cuts, edits) => {
          const before = bytes.map((size, index) => say(`m${index}`, index, 'x'.repeat(size)));
          let from = 0;
          const parts = cuts.flatMap((count) => {
            const run = before.slice(from, from + count);
            from += run.length;
            return run.length === 0 ? [] : [partOf(run)];
          });
          const after = before.map((message, index) =>
            edits.includes(index) ? { ...message, content: 'edited' } : message,
          );
          const layout = layOut(after, parts, fixedBytes, limits(pageBytes));
          expect(read(layout, parts)).toEqual(after);
          for (const run of layout.list.filter((entry) => !isRef(entry)) as Message[][])
            expect(run.length === 1 || sizeOf(run) <= pageBytes + 2).toBe(true);
          const room = Math.max(pageBytes - fixedBytes, pageBytes / 2);
          expect(layout.head.length <= 1 || sizeOf(layout.head) <= room).toBe(true);
          const untouched = parts.filter(({ messages }) =>
            messages.every((message) => after.includes(message)),
          );
          expect(layout.list.filter(isRef)).toEqual(untouched.map(({ ref }) => ref));
        },
      ),
    );
  });
});

describe('what need not be read', () => {
  const messages = many(9, 10);
  const part = partOf(messages.slice(0, 3));

  test('a run that a snapshot shows to the letter, and no other', () => {
    expect(isCoveredAt(part.ref, undefined, makeLookup(structuredClone(messages)), 0)).toBe(true);
    expect(isCoveredAt(part.ref, undefined, makeLookup(messages), 1)).toBe(false);
    expect(isCoveredAt(part.ref, undefined, makeLookup(messages.slice(0, 2)), 0)).toBe(false);
    const edited = messages.with(1, say('m1', 1, 'edited'));
    expect(isCoveredAt(part.ref, undefined, makeLookup(edited), 0)).toBe(false);
  });

  test('a run that says the same in another order of fields, once it was read', () => {
    const reordered = messages.map(({ messageId, ...rest }) => ({ ...rest, messageId }) as Message);
    const lookup = makeLookup(reordered);
    expect(isCoveredAt(part.ref, undefined, lookup, 0)).toBe(false);
    const known = { ...fingerprintOf(part.messages), sameAs: sameRunAt(part.messages, lookup, 0) };
    expect(isCoveredAt(part.ref, known, lookup, 0)).toBe(true);
    expect(
      sameRunAt(part.messages, makeLookup(reordered.with(0, say('m0', 0, 'edited'))), 0),
    ).toBeUndefined();
  });

  test('behind a segment that is shown in part the next is looked for where it ends', () => {
    const lookup = makeLookup(messages.slice(2));
    expect(positionBehind(part.messages, lookup, 0)).toBe(1);
    expect(positionBehind([say('other', 1)], lookup, 5)).toBe(5);
  });

  test('a segment that is apart is strictly before the snapshot, and shares nothing with it', () => {
    const apart = (first: Message): boolean => isApart(fingerprintOf(part.messages), makeLookup([first]));
    expect(apart(say('x', 3))).toBe(true);
    expect(apart(say('x', 2))).toBe(false);
    expect(apart(say('m0', 3))).toBe(false);
    expect(apart({ messageId: 'x', role: 'user' })).toBe(false);
  });

  test('leaving out what is apart changes nothing of the merge', () => {
    const message = fc.record({
      id: fc.option(fc.nat(14), { nil: undefined }),
      second: fc.option(fc.nat(20), { nil: undefined }),
      role: fc.constantFrom('user', 'assistant'),
      content: fc.constantFrom('ok', 'yes'),
    });
    const build = (shift: number) => (drawn: { id?: number | undefined; second?: number | undefined }[]) =>
      drawn.map(({ id, second, ...rest }) => ({
        ...rest,
        ...(id === undefined ? {} : { messageId: `m${id}` }),
        ...(second === undefined ? {} : { timestamp: at(second + shift) }),
      })) as Message[];
    const run = (max: number, shift: number) => fc.array(message, { maxLength: max }).map(build(shift));
    let compared = 0;
    fc.assert(
      fc.property(run(4, 0), run(8, 5), run(10, 15), fc.nat(40), fc.nat(40), (front, back, seen, a, b) => {
        const lookup = makeLookup(seen);
        fc.pre(front.length > 0 && isApart(fingerprintOf(front), lookup) && keepsFirstTime(back, lookup));
        compared += 1;
        const stored = (messages: Message[]) => ({
          ...newDocument(snapshotOf([], a), { persistedAt: at(0) }),
          messages,
        });
        const whole = mergeConversations(stored([...front, ...back]), snapshotOf(seen, b));
        const part = mergeConversations(stored(back), snapshotOf(seen, b));
        expect([...front, ...part.document.messages].map(canonicalJson)).toEqual(
          whole.document.messages.map(canonicalJson),
        );
        expect({ ...part.document, messages: [] }).toEqual({ ...whole.document, messages: [] });
        expect(part.changed).toBe(whole.changed);
      }),
      { numRuns: 3000 },
    );
    expect(compared).toBeGreaterThan(500);
  });
});

test('only a page of the same conversation is one, with messages in it', () => {
  const { segment } = makeSegment(ids, [say('a', 1)], 'uuid');
  expect(messagesOfSegment(segment, ids)).toEqual([say('a', 1)]);
  for (const other of [
    undefined,
    null,
    [],
    { ...segment, type: 'conversation' },
    { ...segment, userId: 'v' },
    { ...segment, sessionId: 't' },
    { ...segment, messages: { length: 0 } },
    { ...segment, messages: [null] },
    { ...segment, messages: [say('a', 1), { messageId: 'b' }] },
  ])
    expect(messagesOfSegment(other, ids)).toBeUndefined();
});

test('only a list of segments is one', () => {
  const ref = partOf([say('a', 1)]).ref;
  expect(isSegmentList([ref, ref])).toBe(true);
  expect(isSegmentList([])).toBe(true);
  for (const value of [
    undefined,
    'x',
    {},
    [null],
    [{ ...ref, id: 'x' }],
    [{ ...ref, count: '1' }],
    [{ id: ref.id }],
  ])
    expect(isSegmentList(value)).toBe(false);
});
