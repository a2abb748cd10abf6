import { describe, expect, test } from 'vitest';
import { FALLBACK_TITLE, newDocument } from '../history/document.ts';
import type { TurnEvent } from '../history/event.ts';
import { keyOf } from './conversation-key.ts';
import { Failure } from './failures.ts';
import { memoryPorts } from './memory-ports.ts';
import { persist } from './persist.ts';
import { makeTitleGate } from './title-gate.ts';
import { makeTitling } from './titling.ts';
import { makeUnstored } from './unstored.ts';

const ids = { sessionId: 's', userId: 'u' };
const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const event = (turn: string, completed = '2026-01-01T01:00:00Z'): TurnEvent => ({
  ...ids,
  chatMessageId: turn,
  completedAt: completed,
  completedAtMs: Date.parse(completed),
});
const say = (id: string, second: number, content = `words of ${id}`) => ({
  messageId: id,
  role: id.split('_')[1] ?? 'user',
  content,
  timestamp: at(second),
});
const conversation = (turns: string[], fields: Record<string, unknown> = {}) => ({
  ...ids,
  title: null,
  createdAt: at(0),
  lastActivity: at(turns.length),
  messages: turns.flatMap((turn, index) => [say(`${turn}_user`, index), say(`${turn}_assistant`, index)]),
  ...fields,
});

const missing = (code: string) => ({
  kind: 'wait',
  otherwise: expect.objectContaining({ kind: 'dead-letter', code }),
  atMostMs: Number.POSITIVE_INFINITY,
});

function setUp(
  given: Parameters<typeof memoryPorts>[0] = {},
  paging: { maxMessageBytes?: number; pageBytes?: number } = {},
) {
  const memory = memoryPorts(given);
  const { model, clock, log } = memory;
  const titling = makeTitling({ model, gate: makeTitleGate(clock, log), maxConcurrency: 4, log });
  const ports = { ...memory, ...paging, titling };
  const show = (value: unknown): void =>
    void memory.redis.set('s', typeof value === 'string' ? value : JSON.stringify(value));
  const unstored = makeUnstored(1_000_000);
  unstored.enter('a lane');
  const run = async (...events: TurnEvent[]) => {
    const result = await persist(ids, events, ports, () => true, unstored.of('a lane'));
    await result.titled;
    return result.verdicts;
  };
  return { ...memory, ports, show, run, stored: () => memory.items.get('u\ns')?.item };
}

test('ids with line breaks in them do not share a key', () => {
  expect(keyOf({ userId: 'a\nb', sessionId: 'c' })).not.toBe(keyOf({ userId: 'a', sessionId: 'b\nc' }));
});

describe('persisting a conversation', () => {
  test('a new one costs one read of Redis, one write and a title, and every event of it is complete', async () => {
    const { show, run, stored, calls } = setUp();
    show(conversation(['t1', 't2']));
    expect(await run(event('t1'), event('t2'))).toEqual([{ kind: 'complete' }, { kind: 'complete' }]);
    expect(stored()).toMatchObject({ id: 's', title: 'A Generated Title' });
    expect(calls).toMatchObject({ cacheReads: 1, storeReads: 0, creates: 1, titles: 1, asks: 1 });
  });

  test('a slow title delays nothing: the fallback is written, then the title under a condition', async () => {
    let answer = (_: string): void => undefined;
    const { show, run, stored, calls } = setUp({
      answer: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    });
    show(conversation(['t1']));
    const done = run(event('t1'));
    await expect.poll(() => stored()?.title).toBe(FALLBACK_TITLE);
    answer('Late Title');
    await done;
    expect(stored()?.title).toBe('Late Title');
    expect(calls).toMatchObject({ creates: 1, titles: 1 });
  });

  test('a conversation is asked for once, however many of its events come before the title is stored', async () => {
    const { show, run, calls } = setUp();
    show(conversation(['t1']));
    const first = run(event('t1'));
    show(conversation(['t1', 't2']));
    await Promise.all([first, run(event('t2')), run(event('t2'))]);
    expect(calls).toMatchObject({ asks: 1, titles: 1 });
  });

  test('a title that could not be stored goes with the next write, without asking again', async () => {
    const { show, run, stored, store, calls } = setUp();
    const setTitle = store.setTitle;
    store.setTitle = () => Promise.reject(new Failure('StoreUnavailable', 'away'));
    show(conversation(['t1']));
    await expect(run(event('t1'))).rejects.toThrow('away');
    store.setTitle = setTitle;
    show(conversation(['t1', 't2']));
    await run(event('t2'));
    expect(stored()?.title).toBe('A Generated Title');
    expect(calls).toMatchObject({ asks: 1, titles: 0, replaces: 0, appends: 1 });
  });

  test('a rename that lands while the title is being generated stays', async () => {
    let answer = (_: string): void => undefined;
    const { show, run, stored, put } = setUp({
      answer: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    });
    show(conversation(['t1']));
    const done = run(event('t1'));
    await expect.poll(() => stored()?.title).toBe(FALLBACK_TITLE);
    put({ ...stored()!, title: 'My Own Name' });
    answer('Late Title');
    expect(await done).toEqual([{ kind: 'complete' }]);
    expect(stored()?.title).toBe('My Own Name');
  });

  test('a titled conversation is never titled again, and a snapshot that adds nothing is not written', async () => {
    const { show, run, put, calls, stored } = setUp();
    put({ ...newDocument(conversation(['t1']) as never, { persistedAt: at(9) }), title: 'Renamed' });
    show(conversation(['t1'], { title: 'Something Else' }));
    expect(await run(event('t1'))).toEqual([{ kind: 'complete' }]);
    expect(stored()?.title).toBe('Renamed');
    // It was taken for a new one, and the create refused.
    expect(calls).toMatchObject({ creates: 1, replaces: 0, appends: 0, asks: 0 });
  });

  test('a refusal of the model is remembered, a passing failure is not', async () => {
    const refusal = setUp({ answer: () => Promise.reject(new Failure('TitleRefused', 'content filter')) });
    refusal.show(conversation(['t1']));
    await refusal.run(event('t1'));
    refusal.show(conversation(['t1', 't2']));
    await refusal.run(event('t2'));
    expect(refusal.stored()).toMatchObject({ title: FALLBACK_TITLE, titleRefused: true });
    expect(refusal.calls.asks).toBe(1);

    const outage = setUp({ answer: () => Promise.reject(new Failure('TitleUnavailable', 'away')) });
    outage.show(conversation(['t1']));
    expect(await outage.run(event('t1'))).toEqual([{ kind: 'complete' }]);
    await outage.run(event('t1'));
    expect(outage.calls.asks).toBe(2);
    expect(outage.stored()).not.toHaveProperty('titleRefused');
  });

  test('a writer that comes between is merged with, not overwritten', async () => {
    let between = true;
    const world = setUp({
      beforeWrite: () => {
        if (!between) return;
        between = false;
        world.put(
          newDocument(conversation([], { messages: [say('other', 30)], lastActivity: at(30) }) as never, {
            persistedAt: at(30),
          }),
        );
      },
    });
    world.show(conversation(['t1']));
    expect(await world.run(event('t1'))).toEqual([{ kind: 'complete' }]);
    expect(world.stored()?.messages.map(({ messageId }) => messageId)).toEqual([
      't1_user',
      't1_assistant',
      'other',
    ]);
  });

  test.each([
    ['IdentityMismatch', conversation(['t1'], { userId: 'somebody else' })],
    ['InvalidConversation', '{"sessionId":'],
    ['InvalidConversation', conversation(['t1'], { messages: 'none' })],
  ])('%s: nothing is written', async (code, value) => {
    const { show, run, stored } = setUp();
    show(value);
    expect(await run(event('t1'))).toEqual([expect.objectContaining({ kind: 'dead-letter', code })]);
    expect(stored()).toBeUndefined();
  });

  test('an item that is no conversation of this user is left alone', async () => {
    const { show, run, put, stored } = setUp();
    put({ id: 's', userId: 'u', type: 'profile' } as never);
    show(conversation(['t1']));
    expect(await run(event('t1'))).toEqual([expect.objectContaining({ code: 'ForeignItem' })]);
    expect(stored()).toEqual({ id: 's', userId: 'u', type: 'profile' });
  });

  test.each([
    ['no lastActivity', { lastActivity: undefined }],
    ['a number for lastActivity', { lastActivity: 7 }],
    ['no createdAt', { createdAt: undefined }],
    ['no title', { title: undefined }],
    ['blanks for a title', { title: '  ' }],
  ])("an older worker's item with %s is merged with, and titled", async (_, fields) => {
    const { show, run, put, stored } = setUp();
    put({ ...newDocument(conversation(['t1']) as never, { persistedAt: at(1) }), ...fields } as never);
    show(conversation(['t1', 't2']));
    expect(await run(event('t2'))).toEqual([{ kind: 'complete' }]);
    expect(stored()).toMatchObject({ title: 'A Generated Title', lastActivity: at(2) });
    expect(stored()?.messages).toHaveLength(4);
  });

  test('a stored id that is no string does not stop the reading of history', async () => {
    const { run, put } = setUp();
    put({
      ...newDocument(conversation([]) as never, { persistedAt: at(1) }),
      messages: [{ messageId: 7, role: 'user' }],
    } as never);
    expect(await run(event('t1'))).toEqual([expect.objectContaining({ kind: 'wait' })]);
  });

  test('a title that the store refuses for good costs the title, not the event', async () => {
    const { show, run, store, stored } = setUp();
    store.setTitle = () => Promise.reject(new Failure('PartitionFull', 'full'));
    show(conversation(['t1']));
    expect(await run(event('t1'))).toEqual([{ kind: 'complete' }]);
    expect(stored()?.title).toBe(FALLBACK_TITLE);
  });

  test('a deleted conversation stays deleted, and its events are complete', async () => {
    const { show, run, put, stored } = setUp();
    put({ id: 's', userId: 'u', deletedAt: at(1) } as never);
    show(conversation(['t1']));
    expect(await run(event('t1'))).toEqual([{ kind: 'complete' }]);
    expect(stored()).not.toHaveProperty('messages');
  });

  test('once all locks are lost nothing is written: the events are somebody else’s', async () => {
    const { show, ports, calls, segments } = setUp({}, { pageBytes: 100 });
    show(conversation(['t1', 't2']));
    await expect(persist(ids, [event('t2')], ports, () => false)).rejects.toMatchObject({ code: 'LockLost' });
    expect(calls).toMatchObject({ creates: 0, replaces: 0, appends: 0, segmentsCreated: 0, asks: 0 });
    expect(segments.size).toBe(0);
  });

  test('each write says when it was made, and one that adds nothing says nothing', async () => {
    const { show, ports, stored } = setUp();
    let now = Date.UTC(2026, 0, 1, 12);
    const clock = { ...ports.clock, now: () => now };
    const persistedAt: (string | undefined)[] = [];
    const said = conversation(['t1', 't2', 't3'], { title: 'Named' });
    for (const messages of [2, 4, 4, 6].map((count) => said.messages.slice(0, count))) {
      show({ ...said, messages });
      // What is remembered costs an append, what is not a replace.
      if (messages.length === 6) ports.warm.forget(keyOf(ids));
      await persist(ids, [event('t1')], {
        ...ports,
        clock,
        pageBytes: messages.length === 6 ? 1 : 2_000_000,
      });
      persistedAt.push(stored()?.persistedAt.slice(11, 13));
      now += 3_600_000;
    }
    expect(persistedAt).toEqual(['12', '13', '13', '15']);
  });

  test('a snapshot is as old as the question for it, however long the answer takes', async () => {
    const { show, ports } = setUp();
    let now = 1_000_000;
    const clock = { ...ports.clock, now: () => now };
    const cache = {
      ...ports.cache,
      async read(...asked: Parameters<typeof ports.cache.read>) {
        now += 60_000;
        return ports.cache.read(...asked);
      },
    };
    show(conversation(['t1']));
    expect(await persist(ids, [event('t1')], { ...ports, clock, cache })).toMatchObject({
      readAtMs: 1_000_000,
    });
  });

  test('an expired conversation is complete if history holds the turn, and waited for if not', async () => {
    const { run, put } = setUp();
    expect(await run(event('t1'))).toEqual([missing('ConversationNotFound')]);
    put(newDocument(conversation(['t1']) as never, { persistedAt: at(1) }));
    expect(await run(event('t1'), event('t2'))).toEqual([
      { kind: 'complete' },
      expect.objectContaining({ kind: 'wait' }),
    ]);
  });

  test('a snapshot without the turn is persisted at once, and the turn waited for', async () => {
    const { show, run, stored } = setUp();
    show(conversation(['t1']));
    expect(await run(event('t2'))).toEqual([missing('TurnNotFound')]);
    expect(stored()?.messages).toHaveLength(2);
  });

  test('a message over the limit keeps its place by a marker; later events complete', async () => {
    const { show, run, stored } = setUp({}, { maxMessageBytes: 1000 });
    show(conversation([], { messages: [say('t1_assistant', 1, 'x'.repeat(2000)), say('t2_assistant', 2)] }));
    expect(await run(event('t1'), event('t2'))).toEqual([
      expect.objectContaining({ code: 'MessageTooLarge' }),
      { kind: 'complete' },
    ]);
    expect(stored()?.messages).toEqual([
      { messageId: 't1_assistant', role: 'assistant', timestamp: at(1), omittedBytes: expect.any(Number) },
      say('t2_assistant', 2),
    ]);
  });
});

describe('what a round has read while history was away', () => {
  /** A world in which the first round has read two turns, and could not store them. */
  async function afterAnOutage() {
    const world = setUp();
    const { create, read } = world.store;
    const away = () => Promise.reject(new Failure('StoreUnavailable', 'away'));
    Object.assign(world.store, { create: away, read: away });
    world.show(conversation(['t1', 't2']));
    await expect(world.run(event('t2'))).rejects.toThrow('away');
    Object.assign(world.store, { create, read });
    return { ...world, names: () => world.stored()?.messages.map(({ messageId }) => messageId) };
  }
  const all = ['t1_user', 't1_assistant', 't2_user', 't2_assistant', 't3_assistant'];

  test('is stored with what Redis still holds, when it has trimmed the rest', async () => {
    const { show, run, names, calls } = await afterAnOutage();
    show(conversation(['t3'], { messages: [say('t3_assistant', 2)], lastActivity: at(3) }));
    expect(await run(event('t2'), event('t3'))).toEqual([{ kind: 'complete' }, { kind: 'complete' }]);
    expect(names()).toEqual(all);
    expect(calls).toMatchObject({ creates: 1, replaces: 0 });
  });
  test('is stored by itself when Redis has forgotten it', async () => {
    const { redis, run, names } = await afterAnOutage();
    redis.clear();
    expect(await run(event('t2'), event('t3'))).toEqual([
      { kind: 'complete' },
      missing('ConversationNotFound'),
    ]);
    expect(names()).toEqual(all.slice(0, 4));
  });
  test('is stored although Redis holds something else by now, which is refused', async () => {
    const { show, run, names } = await afterAnOutage();
    show(conversation(['t3'], { userId: 'somebody else' }));
    expect(await run(event('t2'))).toEqual([expect.objectContaining({ code: 'IdentityMismatch' })]);
    expect(names()).toEqual(all.slice(0, 4));
  });
  test('is stored once, and not again by a later round', async () => {
    const { redis, run, put, stored, names, items } = await afterAnOutage();
    await run(event('t2'));
    expect(names()).toEqual(all.slice(0, 4));
    put({ ...stored()!, messages: [] });
    redis.clear();
    await run(event('t2'));
    expect(names()).toEqual([]);
    expect(items.size).toBe(1);
  });
});

describe('a turn that is not there yet, while the one before is seconds old', () => {
  test('is looked for again where messages bear the ids of turns, and then complete by its time', async () => {
    const { show, run } = setUp();
    show(conversation(['t1']));
    expect(await run(event('t2', at(30)))).toEqual([
      { kind: 'wait', otherwise: { kind: 'complete' }, atMostMs: 5_000 },
    ]);
    show(conversation(['t1', 't2']));
    expect(await run(event('t2', at(30)))).toEqual([{ kind: 'complete' }]);
  });
  test('is complete at once where they have ids of their own', async () => {
    const { show, run } = setUp();
    show(conversation([], { messages: [say('m-1', 0), say('m-2', 1)], lastActivity: at(1) }));
    expect(await run(event('t2', at(30)))).toEqual([{ kind: 'complete' }]);
  });
});

describe('a conversation that this process stored last', () => {
  /** One of two turns, titled and remembered. */
  async function afterTwoTurns(given: Parameters<typeof setUp>[0] = {}, paging = {}) {
    const world = setUp(given, paging);
    world.show(conversation(['t1'], { title: 'Named' }));
    await world.run(event('t1'));
    world.show(conversation(['t1', 't2'], { title: 'Named' }));
    await world.run(event('t2'));
    const names = () => world.stored()?.messages.map(({ messageId }) => messageId);
    return { ...world, names };
  }
  const three = ['t1', 't2', 't3'];
  const namesOf = (turns: string[]) => turns.flatMap((turn) => [`${turn}_user`, `${turn}_assistant`]);

  test('is not read again: a turn costs what it says, and nothing where it adds nothing', async () => {
    const { calls, names, run, stored } = await afterTwoTurns();
    expect(names()).toEqual(namesOf(['t1', 't2']));
    expect(calls).toMatchObject({ storeReads: 0, creates: 1, appends: 1, replaces: 0 });
    expect(stored()).toMatchObject({ title: 'Named', lastActivity: at(2) });
    await run(event('t2'));
    expect(calls).toMatchObject({ storeReads: 0, creates: 1, appends: 1, replaces: 0 });
  });
  test('is taken for a new one where it is not remembered, as long as that mostly holds', async () => {
    const { show, run, put, calls, stored, warm } = setUp();
    const known = newDocument(conversation(['t1']) as never, { persistedAt: at(1) });
    for (let turn = 0; turn < 20; turn += 1) {
      put({ ...known, title: 'My Own Name' });
      warm.forget(keyOf(ids));
      show(conversation(['t1']));
      expect(await run(event('t1'))).toEqual([{ kind: 'complete' }]);
    }
    expect(stored()?.title).toBe('My Own Name');
    expect(calls).toMatchObject({ storeReads: 20, asks: 0 });
    expect(calls.creates).toBe(11);
  });
  test('is read where somebody has written it since, and loses neither of both', async () => {
    const { put, show, run, stored, names, calls } = await afterTwoTurns();
    const other = say('elsewhere_user', 2);
    put({ ...stored()!, title: 'My Own Name', messages: [...stored()!.messages, other] });
    show(conversation(three, { title: 'Named' }));
    expect(await run(event('t3'))).toEqual([{ kind: 'complete' }]);
    expect(names()?.toSorted()).toEqual([...namesOf(three), 'elsewhere_user'].toSorted());
    expect(stored()?.title).toBe('My Own Name');
    expect(calls.storeReads).toBe(1);
  });
  test('stays deleted where somebody has deleted it since', async () => {
    const { put, show, run, stored } = await afterTwoTurns();
    put({ ...ids, id: 's', deletedAt: at(9) } as never);
    show(conversation(three, { title: 'Named' }));
    expect(await run(event('t3'))).toEqual([{ kind: 'complete' }]);
    expect(stored()).not.toHaveProperty('messages');
  });
  test('is written anew where somebody has removed it for good', async () => {
    const { items, show, run, names } = await afterTwoTurns();
    items.clear();
    show(conversation(three, { title: 'Named' }));
    expect(await run(event('t3'))).toEqual([{ kind: 'complete' }]);
    expect(names()).toEqual(namesOf(three));
  });
  test('is read after a write whose outcome is unknown', async () => {
    const { store, show, run, names, calls } = await afterTwoTurns();
    const { append } = store;
    store.append = async (...args) => {
      await append(...args);
      throw new Failure('StoreUnavailable', 'no answer');
    };
    show(conversation(three, { title: 'Named' }));
    await expect(run(event('t3'))).rejects.toThrow('no answer');
    store.append = append;
    expect(await run(event('t3'))).toEqual([{ kind: 'complete' }]);
    expect(names()).toEqual(namesOf(three));
    expect(calls).toMatchObject({ storeReads: 1, appends: 2 });
  });
  test('is cut into pages where a turn has no room any more', async () => {
    const { show, run, calls, stored } = await afterTwoTurns({}, { pageBytes: 900 });
    show(conversation([...three, 't4', 't5'], { title: 'Named' }));
    expect(await run(event('t5'))).toEqual([{ kind: 'complete' }]);
    expect(calls).toMatchObject({ storeReads: 0, replaces: 1 });
    expect(stored()?.segments?.length).toBeGreaterThan(0);
  });
});
