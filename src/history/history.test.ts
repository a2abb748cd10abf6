import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Conversation, type Message, parseConversation } from './conversation.ts';
import { type HistoryDocument, newDocument, readDocument } from './document.ts';
import { parseEvent, type TurnEvent } from './event.ts';
import { messageIdentity } from './identity.ts';
import { omit } from './marker.ts';
import { mergeConversations } from './merge.ts';
import { at, document, snapshot } from './sample-views.ts';
import { parseInstant } from './timestamp.ts';
import { holdsTurn, namesTurn } from './turn.ts';

const body = {
  sessionId: 'sess_abc123',
  userId: 'user_001',
  chatMessageId: 'msg_1',
  completedAt: '2025-06-05T11:30:00Z',
  eventType: 'message_completed',
};
const say = (id: string, second: number, content = id): Message => ({
  messageId: id,
  role: 'user',
  content,
  timestamp: at(second),
});
const ids = (messages: readonly Message[]): (string | undefined)[] =>
  messages.map((message) => message.messageId);

describe('timestamps', () => {
  test('every form names its instant', () => {
    const zulu = Date.UTC(2025, 5, 5, 10, 0, 0);
    for (const text of [
      '2025-06-05T10:00:00Z',
      '2025-06-05T10:00:00',
      '2025-06-05 10:00:00+00:00',
      '2025-06-05T12:00:00+0200',
      '2025-06-05T08:30:00-01:30',
    ])
      expect(parseInstant(text)).toBe(zulu);
    expect(parseInstant('2025-06-05T10:00:00.123456+00:00')).toBeCloseTo(zulu + 123.456, 2);
  });
  test('what is no date is none', () => {
    for (const text of [
      '',
      'yesterday',
      '2025-13-01T00:00:00Z',
      '2025-02-30T00:00:00Z',
      '2025-06-05T25:00:00Z',
      '2025-06-05',
    ])
      expect(parseInstant(text)).toBeUndefined();
  });
});

describe('the event', () => {
  test('is accepted as an object, a string and bytes', () => {
    for (const form of [
      body,
      JSON.stringify(body),
      Buffer.from(JSON.stringify(body)),
      new TextEncoder().encode(JSON.stringify(body)),
    ])
      expect(parseEvent(form)).toMatchObject({ ok: true, event: { sessionId: 'sess_abc123' } });
  });
  test('may begin with a byte order mark', () => {
    for (const form of [`\ufeff${JSON.stringify(body)}`, Buffer.from(`\ufeff${JSON.stringify(body)}`)])
      expect(parseEvent(form)).toMatchObject({ ok: true, event: { sessionId: 'sess_abc123' } });
  });
  test.each([
    ['sessionId', 'x'.repeat(1023)],
    ['sessionId', '日'.repeat(341)],
    ['sessionId', '__proto__'],
    ['sessionId', ' a\u0000%2F|~ '],
    ['userId', 'u'.repeat(1024)],
    ['userId', '/ \\ ? #'],
  ])('a good %s is kept as it is: %#', (field, value) => {
    expect(parseEvent(JSON.stringify({ ...body, [field]: value }))).toMatchObject({
      ok: true,
      event: { [field]: value },
    });
  });
  test.each([
    ['body', '{not json'],
    ['body', [body]],
    ['body', undefined],
    ['eventType', { ...body, eventType: undefined }],
    ['sessionId', { ...body, sessionId: 'a/b' }],
    ['sessionId', { ...body, sessionId: 'a\\b' }],
    ['sessionId', { ...body, sessionId: 'a?b' }],
    ['sessionId', { ...body, sessionId: 'a#b' }],
    ['sessionId', { ...body, sessionId: 'x'.repeat(1024) }],
    ['sessionId', { ...body, sessionId: '~seg|x' }],
    ['sessionId', { ...body, sessionId: '..' }],
    ['sessionId', { ...body, sessionId: ' \t\r\n\ufeff\u2028' }],
    ['sessionId', { ...body, sessionId: 'é'.repeat(512) }],
    ['userId', { ...body, userId: 7 }],
    ['userId', { ...body, userId: 'u'.repeat(1025) }],
    ['chatMessageId', { ...body, chatMessageId: '' }],
    ['completedAt', { ...body, completedAt: 'soon' }],
    ['userId', { ...body, userId: '\ud800' }],
  ])('a fault in %s is named', (field, bad) => {
    const parsed = parseEvent(bad);
    expect(parsed).toMatchObject({ ok: false, reason: 'InvalidEvent' });
    expect(!parsed.ok && parsed.description).toMatch(new RegExp(`^${field} `));
  });
  test('what is no event tells what it is known by, as far as that is text', () => {
    const { sessionId, chatMessageId } = body;
    expect(parseEvent({ ...body, userId: 7 })).toMatchObject({ ids: { sessionId, chatMessageId } });
    expect(parseEvent(JSON.stringify({ ...body, userId: '' }))).toMatchObject({
      ids: { sessionId, chatMessageId },
    });
    expect(parseEvent({ ...body, sessionId: '\ud800', completedAt: 'soon', note: 'private' })).toHaveProperty(
      'ids',
      {
        userId: body.userId,
        chatMessageId,
      },
    );
    for (const none of [undefined, null, 'text', [], Buffer.from('no JSON')])
      expect(parseEvent(none)).toHaveProperty('ids', {});
  });
  test('another type of event is told apart from a faulty one', () => {
    expect(parseEvent({ eventType: 'memory_updated' })).toMatchObject({
      ok: false,
      reason: 'UnexpectedEventType',
    });
  });
});

describe('the conversation', () => {
  test('names a turn by its id, or by that with a suffix', () => {
    const event = (parseEvent(body) as { event: TurnEvent }).event;
    expect(namesTurn([say('msg_1_user', 0)], event)).toBe(true);
    expect(namesTurn([say('msg_1', 0)], event)).toBe(true);
    expect(namesTurn([say('msg_10', 0)], event)).toBe(false);
  });
  describe('holds a turn', () => {
    const event = (parseEvent(body) as { event: TurnEvent }).event;
    const [old, recent, after] = ['2025-06-05T11:28:59Z', '2025-06-05T11:29:00Z', '2025-06-05T11:30:00Z'];
    const holds = (messages: Message[], lastActivity: string) => holdsTurn({ messages, lastActivity }, event);
    const answer = (messageId: string) => ({ ...say(messageId, 0), role: 'assistant' });

    test('by name, however old; by its last activity, up to a minute before', () => {
      expect(holds([answer('msg_1_assistant')], old)).toBe('held');
      expect(holds([say('m-1', 0), say('m-2', 0)], recent)).toBe('held');
      expect(holds([], old)).toBeUndefined();
    });
    test('only likely, where messages bear the ids of other turns and it was not active since', () => {
      expect(holds([answer('msg_0_assistant')], recent)).toBe('likely');
      expect(holds([say('msg_0', 0), say('msg_0', 0)], recent)).toBe('likely');
      expect(holds([answer('msg_0_assistant')], after)).toBe('held');
    });
    test('only likely, where it ends within the turn and was not active since', () => {
      expect(holds([say('msg_1_user', 0)], recent)).toBe('likely');
      expect(holds([{ ...answer('msg_1_tool'), role: 'tool' }], old)).toBe('likely');
      expect(holds([{ ...answer('msg_1'), tool_calls: [{ id: 'c' }] }], old)).toBe('likely');
      expect(holds([say('msg_1_user', 0)], after)).toBe('held');
      // Whatever the answer's role is called.
      for (const role of ['ai', 'model', 'Assistant'])
        expect(holds([say('msg_1_user', 0), { ...answer('msg_1'), role }], recent)).toBe('held');
      // Its answer has an id of its own, or another turn has begun.
      expect(holds([say('msg_1_user', 0), answer('m-2')], recent)).toBe('held');
    });
  });
  test('keeps every field of a message as it is', () => {
    const message = { role: 'assistant', content: null, tool_calls: [{ id: 'c', function: { name: 'f' } }] };
    const parsed = parseConversation(JSON.stringify({ ...snapshot([], 1), messages: [message] }));
    expect(parsed).toMatchObject({ ok: true, conversation: { messages: [message] } });
  });
  test.each([
    ['{', 'no JSON'],
    ['[]', 'no JSON object'],
    [JSON.stringify({ ...snapshot([], 1), lastActivity: 'x' }), 'lastActivity'],
    [JSON.stringify({ ...snapshot([], 1), messages: [{ content: 'secret' }] }), 'messages[0].role'],
  ])('%s is refused, its content unsaid', (json, named) => {
    const parsed = parseConversation(json);
    expect(!parsed.ok && parsed.description).toContain(named);
    expect(!parsed.ok && parsed.description).not.toContain('secret');
  });
});

describe('the document', () => {
  test("the seed's sample is reproduced field by field", () => {
    const sample = {
      id: 'sess_abc123',
      sessionId: 'sess_abc123',
      userId: 'user_001',
      title: 'Machine Learning Discussion',
      createdAt: '2025-06-05T10:00:00Z',
      lastActivity: '2025-06-05T11:30:00Z',
      persistedAt: '2025-06-05T11:35:00Z',
      messages: [
        {
          messageId: 'msg_001',
          role: 'user',
          content: 'What is machine learning?',
          timestamp: '2025-06-05T10:00:00Z',
        },
        {
          messageId: 'msg_002',
          role: 'assistant',
          content: 'Machine learning is a subset of artificial intelligence...',
          timestamp: '2025-06-05T10:00:15Z',
        },
      ],
    };
    const { id: _, persistedAt, title, ...inRedis } = sample;
    const parsed = parseConversation(JSON.stringify(inRedis));
    if (!parsed.ok) throw new Error(parsed.description);
    expect(JSON.stringify(newDocument(parsed.conversation, { title, persistedAt }))).toBe(
      JSON.stringify(sample),
    );
  });
  test('an item of another user, or of another kind, is foreign', () => {
    const own = { sessionId: 's', userId: 'u' };
    expect(readDocument(document([], 0), own)).toMatchObject({ kind: 'conversation' });
    expect(readDocument({ ...document([], 0), userId: 'v' }, own)).toMatchObject({ kind: 'foreign' });
    expect(readDocument({ ...document([], 0), id: 'S' }, own)).toMatchObject({ kind: 'foreign' });
    expect(readDocument({ ...document([], 0), sessionId: 't' }, own)).toMatchObject({ kind: 'foreign' });
    expect(readDocument({ id: 's', userId: 'u', type: 'profile' }, own)).toMatchObject({ kind: 'foreign' });
    for (const message of [null, 'secret', { content: 'secret' }, { role: 5 }]) {
      const found = readDocument({ ...document([], 0), messages: [say('a', 1), message] }, own);
      expect(found).toEqual({ kind: 'foreign', description: 'its messages[1] is no object with a role' });
    }
    expect(readDocument({ ...document([], 0), deletedAt: at(1) }, own)).toEqual({ kind: 'tombstone' });
  });
  test('an item is read with what others have put there, without what the store adds, and with its session id', () => {
    const { sessionId: _, ...older } = { ...document([say('a', 1)], 1), pinned: true, __v: 2 };
    const system = { _rid: 'r', _self: 's', _etag: '"e"', _ts: 1, _attachments: 'attachments/' };
    expect(readDocument({ ...older, ...system }, { sessionId: 's', userId: 'u' })).toEqual({
      kind: 'conversation',
      document: { ...older, sessionId: 's' },
    });
  });
  test.each([[1_749_117_600], [true], [{ by: 'user' }]])(
    'a mark of another service says deleted: %j',
    (deletedAt) => {
      const stored = { ...document([], 0), deletedAt };
      expect(readDocument(stored, { sessionId: 's', userId: 'u' })).toEqual({ kind: 'tombstone' });
    },
  );
  test.each([[null], [false], [0], ['']])('an empty mark of another service does not: %j', (deletedAt) => {
    const stored = { ...document([], 0), deletedAt };
    expect(readDocument(stored, { sessionId: 's', userId: 'u' })).toMatchObject({
      kind: 'conversation',
      document: { deletedAt },
    });
  });
});

describe('merging', () => {
  test('a conversation that expired and began anew loses nothing', () => {
    const merged = mergeConversations(
      document([say('a', 1), say('b', 2)], 2),
      snapshot([say('c', 9), say('d', 9)], 9),
    );
    expect(ids(merged.document.messages)).toEqual(['a', 'b', 'c', 'd']);
    expect(merged.document.lastActivity).toBe(at(9));
  });
  test('what only appends is told as a delta, what adds nothing as nothing', () => {
    const stored = document([say('a', 1)], 1);
    expect(mergeConversations(stored, snapshot([say('a', 1), say('b', 2)], 2)).appended).toEqual([
      say('b', 2),
    ]);
    expect(mergeConversations(stored, snapshot([say('a', 1)], 1))).toMatchObject({
      changed: false,
      document: stored,
    });
    expect(mergeConversations(stored, snapshot([say('a', 1, 'edited')], 2)).appended).toBeNull();
  });
  test('a lagging snapshot reverts nothing', () => {
    const stored = document([say('a', 1), say('b', 2)], 2);
    expect(mergeConversations(stored, snapshot([say('a', 1, 'old')], 1))).toMatchObject({ changed: false });
  });
  test('two equal messages without ids are two', () => {
    const ok = { role: 'user', content: 'ok' };
    expect(mergeConversations(document([ok], 1), snapshot([ok, ok], 2)).document.messages).toEqual([ok, ok]);
    expect(mergeConversations(document([ok, ok], 2), snapshot([ok], 1)).document.messages).toEqual([ok, ok]);
  });
  test('the messages of a turn keep their order although they share one timestamp', () => {
    const turn = [say('z_user', 5), say('a_assistant', 5)];
    expect(ids(mergeConversations(document([say('m', 1)], 1), snapshot(turn, 5)).document.messages)).toEqual([
      'm',
      'z_user',
      'a_assistant',
    ]);
    expect(ids(mergeConversations(document([say('n', 9)], 9), snapshot(turn, 5)).document.messages)).toEqual([
      'z_user',
      'a_assistant',
      'n',
    ]);
  });
  test('at equal activity the longer content wins; else that of the later side', () => {
    expect(
      mergeConversations(document([say('a', 1, 'long one')], 1), snapshot([say('a', 1, 'x')], 1)).document
        .messages[0]!.content,
    ).toBe('long one');
    expect(
      mergeConversations(document([say('a', 1, 'long one')], 1), snapshot([say('a', 1, 'x')], 2)).document
        .messages[0]!.content,
    ).toBe('x');
  });
  test('a marker loses to the message, whichever side has it', () => {
    const marker = omit(say('a', 1), 3_000_000);
    expect(mergeConversations(document([marker], 1), snapshot([say('a', 1)], 1)).document.messages).toEqual([
      say('a', 1),
    ]);
    expect(mergeConversations(document([say('a', 1)], 1), snapshot([marker], 2)).document.messages).toEqual([
      say('a', 1),
    ]);
  });
  test('a rename stays, unknown fields stay, the earlier creation stays', () => {
    const stored = { ...document([say('a', 1)], 1), title: 'Mine', pinned: true };
    const { document: merged } = mergeConversations(stored, {
      ...snapshot([say('b', 2)], 2),
      title: 'Generated',
      createdAt: at(59),
    });
    expect(merged).toMatchObject({ title: 'Mine', pinned: true, createdAt: at(0) });
  });

  const anyMessage = fc
    .record({
      id: fc.integer({ min: 0, max: 9 }),
      second: fc.integer({ min: 0, max: 9 }),
      text: fc.constantFrom('a', 'b'),
      bare: fc.boolean(),
    })
    .map(
      ({ id, second, text, bare }) =>
        (bare ? { role: 'user', content: text } : say(`m${id}`, second, text)) as Message,
    );
  const anySnapshot = fc
    .record({ messages: fc.array(anyMessage, { maxLength: 8 }), second: fc.integer({ min: 0, max: 9 }) })
    .map(({ messages, second }) => snapshot(messages, second));
  const set = (messages: readonly Message[]): string[] => messages.map(messageIdentity).sort();
  const all = (snapshots: readonly Conversation[]): HistoryDocument =>
    snapshots.reduce<HistoryDocument>(
      (stored, next) => mergeConversations(stored, next).document,
      document([], -1),
    );

  test('the set of messages converges, whatever the order and repetition', () => {
    fc.assert(
      fc.property(fc.array(anySnapshot, { minLength: 1, maxLength: 4 }), (snapshots) => {
        const straight = set(all(snapshots).messages);
        expect(set(all([...snapshots].reverse()).messages)).toEqual(straight);
        expect(set(all([...snapshots, ...snapshots]).messages)).toEqual(straight);
      }),
      { numRuns: 2000 },
    );
  });
  test('merging is idempotent, and nothing ever shrinks', () => {
    fc.assert(
      fc.property(fc.array(anySnapshot, { minLength: 1, maxLength: 3 }), anySnapshot, (before, next) => {
        const stored = all(before);
        const once = mergeConversations(stored, next);
        expect(mergeConversations(once.document, next)).toMatchObject({ changed: false });
        const have = new Set(set(once.document.messages));
        for (const key of set(stored.messages)) expect(have.has(key)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
  test('the order converges where snapshots are windows of one conversation', () => {
    const windows = fc.array(fc.tuple(fc.nat(11), fc.nat(11)), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(
        windows,
        fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 12, maxLength: 12 }),
        fc.nat(),
        (cuts, sizes, seed) => {
          const turns = sizes.map((size, turn) =>
            Array.from({ length: size }, (_, k) => say(`t${turn}_${k}`, turn)),
          );
          const views = cuts
            .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)
            .map(([from, to]) => snapshot(turns.slice(from, to + 1).flat(), to));
          const shuffled = views
            .map((view, index) => ({ view, key: ((index + 1) * (seed + 7919)) % 101 }))
            .sort((a, b) => a.key - b.key)
            .map(({ view }) => view);
          expect(ids(all(shuffled).messages)).toEqual(ids(all(views).messages));
          const seen = new Set(ids(all(views).messages));
          expect(ids(all(views).messages)).toEqual(ids(turns.flat()).filter((id) => seen.has(id)));
        },
      ),
      { numRuns: 2000 },
    );
  });
});
