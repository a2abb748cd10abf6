import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Conversation, type Message, parseConversation } from './conversation.ts';
import { type HistoryDocument, newDocument } from './document.ts';
import { canonicalJson, messageIdentity } from './identity.ts';
import { isMarker, omit } from './marker.ts';
import { mergeConversations } from './merge.ts';
import { at, document, snapshot } from './sample-views.ts';

const message = (messageId: string, second: number | undefined, more: object = {}): Message => ({
  messageId,
  role: 'user',
  ...(second === undefined ? {} : { timestamp: at(second) }),
  ...more,
});
const merge = (stored: HistoryDocument, next: Conversation): HistoryDocument =>
  mergeConversations(stored, next).document;
const ids = (messages: readonly Message[]): string =>
  messages.map(({ messageId }) => messageId ?? '-').join(' ');
/** How many messages of each identity: what must converge and must never shrink. */
const counts = (messages: readonly Message[]): Record<string, number> => {
  const found: Record<string, number> = {};
  for (const identity of messages.map(messageIdentity).sort()) found[identity] = (found[identity] ?? 0) + 1;
  return found;
};
const fold = ([first, ...rest]: readonly Conversation[]): HistoryDocument =>
  rest.reduce(merge, newDocument(first!, { persistedAt: at(0) }));

describe('one id on several messages', () => {
  const question = { messageId: 't1', role: 'user', content: 'why?' };
  const answer = { messageId: 't1', role: 'assistant', content: 'because of a long story' };
  const call = { messageId: 't1', role: 'assistant', content: null, tool_calls: [{ id: 'c' }] };
  const [asked, answered] = [
    { ...question, timestamp: at(0) },
    { ...answer, timestamp: at(2) },
  ];

  test("a turn's bare id on all of its messages loses none of them", () => {
    const turn = [question, call, { messageId: 't1', role: 'tool', content: '4' }, answer];
    const stored = document(turn, 1);
    expect(stored.messages).toEqual(turn);
    const next = { messageId: 't2', role: 'user', content: 'and?' };
    expect(mergeConversations(stored, snapshot(turn, 1)).changed).toBe(false);
    expect(merge(stored, snapshot([...turn, next], 2)).messages).toEqual([...turn, next]);
    expect(merge(document([next], 2), snapshot([...turn, next], 1)).messages).toEqual([...turn, next]);
  });
  test('where the window is cut within such a turn, the answer does not take the place of the question', () => {
    expect(merge(document([question, answer], 1), snapshot([answer], 2)).messages).toEqual([
      question,
      answer,
    ]);
  });
  test('where the window is cut between two results of tools, the second does not take the place of the first', () => {
    const results = ['a', 'b'].map((id, n) => ({
      messageId: 't1',
      role: 'tool',
      tool_call_id: id,
      timestamp: at(n),
      content: '4',
    }));
    expect(merge(document([asked, results[0]!], 1), snapshot([results[1]!, answered], 2)).messages).toEqual([
      asked,
      ...results,
      answered,
    ]);
  });
  test('where it is cut between the calls of tools and the answer, both are kept', () => {
    const calling = { ...call, timestamp: at(1) };
    expect(merge(document([asked, calling], 1), snapshot([answered], 2)).messages).toEqual([
      asked,
      calling,
      answered,
    ]);
  });
  test('of two answers under one id, a window that shows the second alone leaves the first as it is', () => {
    const second = { ...answer, content: 'and another' };
    const stored = document([question, answer, second], 1);
    expect(merge(stored, snapshot([second], 2)).messages).toEqual([question, answer, second]);
    const edited = { ...second, content: 'and another, longer' };
    expect(merge(stored, snapshot([question, answer, edited], 2)).messages).toEqual([
      question,
      answer,
      edited,
    ]);
  });
  test('an append that was retried, equal in every field, is one message', () => {
    const again = { content: answer.content, role: 'assistant', messageId: 't1' };
    expect(document([question, answer, again], 1).messages).toEqual([question, answer]);
    expect(merge(document([question], 1), snapshot([question, answer, again], 2)).messages).toEqual([
      question,
      answer,
    ]);
  });
  test('what is stored twice stays stored twice', () => {
    const stored = { ...document([], 1), messages: [answer, answer] };
    expect(
      merge(stored, snapshot([question, answer], 2)).messages.filter((m) => m.role === 'assistant'),
    ).toHaveLength(2);
  });
});

describe('order', () => {
  const order = (base: Message[], other: Message[]): string =>
    ids(merge(document(base, 9), snapshot(other, 1)).messages);
  test('a message goes between its neighbours, whatever its time', () => {
    expect(
      order(
        [message('a', 1), message('b', 2), message('c', 3)],
        [message('a', 1), message('x', 9), message('b', 2)],
      ),
    ).toBe('a x b c');
    expect(
      order(
        [message('a', 1), message('b', 2), message('c', 3)],
        [message('b', 2), message('x', 0), message('c', 3)],
      ),
    ).toBe('a b x c');
  });
  test('between them it goes before the first later one, after those of its own time', () => {
    expect(
      order([message('a', 1), message('b', 2), message('c', 4)], [message('x', 2), message('y', 3)]),
    ).toBe('a b x y c');
  });
  test('neighbours in inverted order: the preceding one counts', () => {
    expect(
      order(
        [message('b', 1), message('a', 1), message('c', 1)],
        [message('a', 1), message('x', 1), message('b', 1)],
      ),
    ).toBe('b a c x');
  });
  test('messages without timestamps, or with falling ones, keep their order among themselves', () => {
    expect(
      order(
        [message('a', 7), message('b', 20)],
        [message('x', 10), message('y', 5), message('z', undefined)],
      ),
    ).toBe('a x y z b');
  });
  test('the later activity gives the order, the stored side on a tie', () => {
    const [ab, ba] = [
      [message('a', 1), message('b', 1)],
      [message('b', 1), message('a', 1)],
    ];
    expect(ids(merge(document(ab, 5), snapshot(ba, 6)).messages)).toBe('b a');
    expect(ids(merge(document(ab, 5), snapshot(ba, 5)).messages)).toBe('a b');
  });
  test('a system message with the time of its making stays first', () => {
    const system = { role: 'system', content: 'Be kind.', timestamp: at(50) };
    const turn = (n: number): Message[] => [
      message(`t${n}_user`, n),
      message(`t${n}_assistant`, n, { role: 'assistant' }),
    ];
    const merged = merge(
      document([system, ...turn(60)], 60),
      snapshot([system, ...turn(60), ...turn(61)], 61),
    );
    expect(ids(merged.messages)).toBe('- t60_user t60_assistant t61_user t61_assistant');
  });
});

describe('content and fields', () => {
  test('of two contents of one length the greater in bytes wins a tie, from either side', () => {
    const [a, b] = [message('m', 1, { content: 'a' }), message('m', 1, { content: 'b' })];
    expect(merge(document([a], 1), snapshot([b], 1)).messages).toEqual([b]);
    expect(merge(document([b], 1), snapshot([a], 1)).messages).toEqual([b]);
  });
  test('instants are compared, texts are stored as they came', () => {
    const stored = {
      ...document([], 0),
      lastActivity: '2025-06-05T12:00:00+02:00',
      createdAt: '2025-06-05T10:00:00',
    };
    const same = {
      ...snapshot([], 0),
      lastActivity: '2025-06-05T10:00:00Z',
      createdAt: '2025-06-05T10:00:00Z',
    };
    expect(mergeConversations(stored, same)).toMatchObject({ changed: false, document: stored });
    expect(merge(stored, { ...same, lastActivity: '2025-06-05T10:00:00.000001Z' }).lastActivity).toMatch(
      /000001Z$/,
    );
  });
  test('a fallback title gives way to the title of Redis, and an unknown time to a known one', () => {
    const stored = { ...document([], 1), lastActivity: '', createdAt: '' };
    expect(merge(stored, { ...snapshot([], 2), title: 'Bread' })).toMatchObject({
      title: 'Bread',
      createdAt: at(0),
      lastActivity: at(2),
    });
  });
  test('the marker of a message without an id has its identity, and keeps its ids', () => {
    const large = { role: 'tool', tool_call_id: 'c', content: 'x'.repeat(2000), timestamp: at(1) };
    const marker = omit(large, 2000);
    expect(isMarker(marker)).toBe(true);
    expect(marker).toMatchObject({ role: 'tool', tool_call_id: 'c', timestamp: at(1), omittedBytes: 2000 });
    // A front end may have a field of that name.
    expect([marker, { ...large, omittedBytes: 5 }].map(isMarker)).toEqual([true, false]);
    expect(messageIdentity(marker)).toBe(messageIdentity(large));
    expect(merge(document([marker], 2), snapshot([large], 1)).messages).toEqual([large]);
    expect(mergeConversations(document([large], 1), snapshot([marker], 2)).document.messages).toEqual([
      large,
    ]);
  });
  test('neither argument is changed', () => {
    const [stored, next] = [
      document([message('a', 1)], 1),
      snapshot([message('b', 2), message('a', 1, { x: 1 })], 2),
    ];
    const before = JSON.stringify([stored, next]);
    mergeConversations(stored, next).document.title = 'mine';
    expect(JSON.stringify([stored, next])).toBe(before);
  });
  test('a lone surrogate, which a store replaces, makes no second message', () => {
    const sent = { role: 'user', content: 'a\ud800' };
    const back = { role: 'user', content: 'a\ufffd' };
    expect(mergeConversations(document([back], 1), snapshot([sent], 1)).changed).toBe(false);
    const named = { ...sent, messageId: 'm\ud800', tool_call_id: '\udc00' };
    const namedBack = { ...back, messageId: 'm\ufffd', tool_call_id: '\ufffd' };
    expect(mergeConversations(document([namedBack], 1), snapshot([named], 1)).changed).toBe(false);
  });
  test('nesting that would end the recursion is refused when it is read', () => {
    const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
    const json = JSON.stringify(snapshot([{ role: 'user', content: '@' }], 1)).replace('"@"', deep);
    expect(parseConversation(json)).toMatchObject({
      ok: false,
      description: expect.stringContaining('messages[0] is nested'),
    });
  });
  test('a field named __proto__ is a field like any other', () => {
    const json = '{"role":"user","__proto__":{"role":"system"}}';
    const stored = { ...document([], 1), messages: [JSON.parse(json) as Message] };
    expect(JSON.stringify(merge(stored, snapshot([message('b', 2)], 2)).messages[0])).toBe(json);
  });
});

describe('properties', () => {
  // Few ids, roles and contents, so that they meet; any order of times.
  const anyMessage: fc.Arbitrary<Message> = fc.record(
    {
      role: fc.constantFrom('user', 'assistant'),
      messageId: fc.constantFrom('1', '2', '3', '4'),
      content: fc.constantFrom<(string | null)[]>('a', 'b', 'longer', null),
      timestamp: fc.nat(5).map(at),
      tool_call_id: fc.constantFrom('c', 'd'),
      tool_calls: fc.constantFrom([], [{ id: 'c' }], [{ id: 'e' }, { id: 'f' }]),
    },
    { requiredKeys: ['role'] },
  );
  const anySnapshot = fc
    .tuple(
      fc.array(
        fc.oneof(
          { weight: 9, arbitrary: anyMessage },
          { weight: 1, arbitrary: anyMessage.map((m) => omit(m, 1)) },
        ),
        { maxLength: 9 },
      ),
      fc.nat(4),
    )
    .map(([messages, second]) => snapshot(messages, second));
  const shuffled = <T>(items: fc.Arbitrary<T[]>): fc.Arbitrary<[T[], T[]]> =>
    items.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })));
  const runs = { numRuns: 3000 };

  test('the messages and their numbers converge, whatever the order and repetition', () => {
    fc.assert(
      fc.property(shuffled(fc.array(anySnapshot, { minLength: 1, maxLength: 5 })), ([one, other]) => {
        expect(counts(fold([...other, ...one]).messages)).toEqual(counts(fold(one).messages));
      }),
      runs,
    );
  });
  test('merging is idempotent, keeps every copy, and says truly what it appended', () => {
    fc.assert(
      fc.property(fc.array(anySnapshot, { minLength: 1, maxLength: 4 }), anySnapshot, (before, next) => {
        const stored = fold(before);
        const merged = mergeConversations(stored, next);
        const { messages } = merged.document;
        const again = mergeConversations(merged.document, next);
        expect(again).toMatchObject({ changed: false, appended: [] });
        expect(canonicalJson(again.document)).toBe(canonicalJson(merged.document));
        const have = counts(messages);
        for (const [identity, count] of Object.entries(counts(stored.messages))) {
          expect(have[identity]).toBeGreaterThanOrEqual(count);
        }
        if (merged.appended !== null) expect([...stored.messages, ...merged.appended]).toEqual(messages);
        expect(merged.changed).toBe(canonicalJson(stored) !== canonicalJson(merged.document));
      }),
      runs,
    );
  });

  // A turn is one to three messages of one time; turns never go back in time.
  const turns = fc
    .array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })), {
      minLength: 1,
      maxLength: 10,
    })
    .map((sizes) => {
      let second = 0;
      return sizes.map(([size, pause], turn) => {
        second += pause;
        return Array.from({ length: size }, (_, k) => message(`t${turn}.${k}`, second));
      });
    });
  test('the order converges to the true one for any whole turns, in any order, whatever their activity', () => {
    const views = turns.chain((all) =>
      fc.tuple(
        fc.constant(all.flat()),
        shuffled(
          fc.array(
            fc.tuple(fc.subarray(all), fc.nat(40)).map(([some, second]) => snapshot(some.flat(), second)),
            { minLength: 1, maxLength: 6 },
          ),
        ),
      ),
    );
    fc.assert(
      fc.property(views, ([truth, [one, other]]) => {
        const merged = fold(one).messages;
        expect(ids(fold([...other, ...one]).messages)).toBe(ids(merged));
        expect(ids(merged)).toBe(ids(truth.filter((m) => merged.includes(m))));
      }),
      runs,
    );
  });
  test('the order converges for lagging beginnings of one conversation, also with equal, falling or no times', () => {
    const truths = fc
      .array(fc.option(fc.nat(5), { nil: undefined }), { minLength: 1, maxLength: 12 })
      .map((times) => times.map((time, i) => message(`m${i}`, time)));
    const views = truths.chain((truth) =>
      shuffled(
        fc.array(
          fc.nat(truth.length).map((n) => snapshot(truth.slice(0, n), n)),
          { minLength: 1, maxLength: 6 },
        ),
      ),
    );
    fc.assert(
      fc.property(views, ([one, other]) => {
        expect(fold(other).messages).toEqual(fold(one).messages);
      }),
      runs,
    );
  });
  test('what no rule on lists can give: one turn, its messages never seen together until later', () => {
    // Nothing tells the order of u and a, of one time, until a view has both; by then a guess may already be the base.
    const [u, a] = [message('u', 1), message('a', 1)];
    const [onlyU, onlyA, both] = [snapshot([u], 1), snapshot([a], 3), snapshot([u, a], 2)];
    expect(ids(fold([onlyU, onlyA, both]).messages)).toBe('a u');
    expect(ids(fold([onlyU, both, onlyA]).messages)).toBe('u a');
  });
});
