import { describe, expect, test } from 'vitest';
import type { Message } from '../history/conversation.ts';
import { newDocument } from '../history/document.ts';
import type { TurnEvent } from '../history/event.ts';
import { omit } from '../history/marker.ts';
import { makeKnownSegments } from './assemble.ts';
import { Failure } from './failures.ts';
import { memoryPorts } from './memory-ports.ts';
import { persist } from './persist.ts';
import type { HistoryStore } from './ports.ts';
import { makeTitleGate } from './title-gate.ts';
import { makeTitling } from './titling.ts';

const ids = { sessionId: 's', userId: 'u' };
const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const say = (index: number, content = 'x'.repeat(300)): Message => ({
  messageId: `t${index}_user`,
  role: 'user',
  content: `${index} ${content}`,
  timestamp: at(index),
});
const says = (from: number, to: number): Message[] =>
  Array.from({ length: to - from }, (_, index) => say(from + index));
const event = (turn: number): TurnEvent => ({
  ...ids,
  chatMessageId: `t${turn}`,
  completedAt: '2026-01-01T01:00:00Z',
  completedAtMs: Date.parse('2026-01-01T01:00:00Z'),
});
const snapshot = (messages: Message[]) => ({
  ...ids,
  title: 'Titled',
  createdAt: messages[0]!.timestamp,
  lastActivity: messages.at(-1)!.timestamp,
  messages,
});

type Memory = ReturnType<typeof memoryPorts>;
/** A worker process on the same services: it has nothing in its memory yet. */
function processOn(memory: Memory, store: HistoryStore = memory.store, pageBytes = 2_500) {
  const { model, clock, log } = memory;
  const titling = makeTitling({ model, gate: makeTitleGate(clock, log), maxConcurrency: 4, log });
  const ports = { ...memory, store, pageBytes, titling, knownSegments: makeKnownSegments() };
  return async (messages: Message[] | undefined, ...turns: number[]) => {
    if (messages) memory.redis.set('s', JSON.stringify(snapshot(messages)));
    else memory.redis.delete('s');
    const { verdicts, titled } = await persist(ids, turns.map(event), ports);
    await titled;
    return verdicts.map((verdict) => {
      const decided = verdict.kind === 'wait' ? verdict.otherwise : verdict;
      return decided.kind === 'complete' ? 'complete' : decided.code;
    });
  };
}
const head = (memory: Memory) => memory.items.get('u\ns')?.item;
/** What a reader sees; it fails if the head lists a segment that is not there. */
const seen = (memory: Memory): string[] =>
  [
    ...(head(memory)?.segments ?? []).flatMap(({ id, count }) => {
      const { messages } = memory.segments.get(id)!;
      expect(messages).toHaveLength(count);
      return messages;
    }),
    ...(head(memory)?.messages ?? []),
  ].map(({ messageId, content }) => `${messageId} ${String(content).slice(0, 8)}`);
const shown = (messages: Message[]): string[] =>
  messages.map(({ messageId, content }) => `${messageId} ${String(content).slice(0, 8)}`);

describe('a conversation past the page limit', () => {
  test('grows event by event: segments are written once and not read, the head holds the newest', async () => {
    const memory = memoryPorts();
    const run = processOn(memory);
    for (let turn = 1; turn <= 40; turn += 1)
      expect(await run(says(0, turn), turn - 1)).toEqual(['complete']);
    expect(seen(memory)).toEqual(shown(says(0, 40)));
    expect(memory.calls.segmentsRead).toBe(0);
    expect(memory.segments.size).toBe(head(memory)!.segments!.length);
    expect(memory.segments.size).toBeGreaterThan(5);
    expect(head(memory)!.messages.at(-1)).toEqual(say(39));
    for (const { messages } of memory.segments.values())
      expect(JSON.stringify(messages).length).toBeLessThanOrEqual(2_500);
  });

  test('an edited message costs one read, and one segment is exchanged', async () => {
    const memory = memoryPorts();
    const run = processOn(memory);
    await run(says(0, 30), 29);
    const before = head(memory)!.segments!;
    const edited = says(0, 31).with(2, say(2, 'edited'));
    memory.calls.segmentsCreated = 0;
    expect(await run(edited, 30)).toEqual(['complete']);
    expect(seen(memory)).toEqual(shown(edited));
    expect(memory.calls).toMatchObject({ segmentsRead: 1, segmentsCreated: 1 });
    const after = head(memory)!.segments!;
    expect(after.filter((ref, index) => ref.id !== before[index]?.id)).toHaveLength(1);
  });

  test('after its key was recreated each segment is read once in a process, not with every event', async () => {
    const memory = memoryPorts();
    await processOn(memory)(says(0, 30), 29);
    const count = head(memory)!.segments!.length;
    const run = processOn(memory);
    for (let turn = 31; turn <= 45; turn += 1) await run(says(30, turn), turn - 1);
    expect(seen(memory)).toEqual(shown(says(0, 45)));
    // And the one that was cut where the old messages meet the new.
    expect(memory.calls.segmentsRead).toBe(count + 1);
  });

  test('fields in another order cost one read of each segment in a process, and no write', async () => {
    const memory = memoryPorts();
    await processOn(memory)(says(0, 30), 29);
    const run = processOn(memory);
    const reordered = says(0, 30).map(({ content, ...rest }) => ({ content, ...rest }) as Message);
    memory.calls.segmentsCreated = 0;
    for (let time = 0; time < 3; time += 1) await run(reordered, 29);
    expect(memory.calls).toMatchObject({
      segmentsRead: head(memory)!.segments!.length,
      segmentsCreated: 0,
      replaces: 0,
    });
  });

  test('a turn is looked for in all segments before it is missed, each read once for all events', async () => {
    const memory = memoryPorts();
    const messages = says(0, 30).with(3, omit(say(3), 3_000_000));
    await processOn(memory)(messages, 29);
    const segments = head(memory)!.segments!.length;
    const expected = ['complete', 'MessageTooLarge', 'complete'];
    for (const redis of [undefined, says(40, 42)]) {
      memory.calls.segmentsRead = 0;
      expect(await processOn(memory)(redis, 1, 3, 29)).toEqual(expected);
      if (!redis) expect(memory.calls.segmentsRead).toBe(segments);
    }
    expect(await processOn(memory)(undefined, 77)).toEqual(['ConversationNotFound']);
    expect(await processOn(memory)(says(40, 42), 77)).toEqual(['TurnNotFound']);
  });

  test('an untitled one is titled by its first messages, wherever they are', async () => {
    const memory = memoryPorts();
    const asked: string[] = [];
    memory.model.ask = async (context) => {
      asked.push(context[0]!.text);
      throw new Failure('TitleUnavailable', 'away');
    };
    const untitled = (messages: Message[]) => ({ ...snapshot(messages), title: null });
    memory.put({ ...newDocument(untitled(says(0, 30)) as never, { persistedAt: at(0) }) });
    memory.redis.set('s', JSON.stringify(untitled(says(0, 31))));
    const { clock, log, model } = memory;
    const titling = makeTitling({ model, gate: makeTitleGate(clock, log), maxConcurrency: 4, log });
    const ports = { ...memory, pageBytes: 2_500, titling };
    await persist(ids, [event(30)], ports).then(({ titled }) => titled);
    memory.redis.set('s', JSON.stringify(untitled(says(50, 51))));
    await persist(ids, [event(50)], ports).then(({ titled }) => titled);
    expect(asked.map((text) => text.slice(0, 4))).toEqual(['0 xx', '0 xx']);
  });

  test('a segment that is not there is no reason to write over it', async () => {
    const memory = memoryPorts();
    await processOn(memory)(says(0, 30), 29);
    const before = structuredClone(head(memory));
    memory.segments.delete(before!.segments![0]!.id);
    expect(await processOn(memory)(says(20, 32), 31)).toEqual(['SegmentMissing']);
    expect(head(memory)).toEqual(before);
  });

  test('a list of segments that is none is left alone', async () => {
    const memory = memoryPorts();
    memory.put({
      ...newDocument(snapshot(says(0, 3)) as never, { persistedAt: at(0) }),
      segments: [7] as never,
    });
    expect(await processOn(memory)(says(0, 4), 3)).toEqual(['ForeignItem']);
    expect(head(memory)!.messages).toHaveLength(3);
  });

  test('an old single document that outgrows the limit is paged by the next event', async () => {
    const memory = memoryPorts();
    memory.put(newDocument(snapshot(says(0, 30)) as never, { persistedAt: at(0) }));
    expect(await processOn(memory)(says(29, 31), 30)).toEqual(['complete']);
    expect(seen(memory)).toEqual(shown(says(0, 31)));
    expect(head(memory)!.segments!.length).toBeGreaterThan(3);
  });

  test('a process that was stopped for too long between segments and head does not commit', async () => {
    const memory = memoryPorts();
    let now = Date.now();
    memory.clock.now = () => now;
    const create = memory.store.createSegment;
    const store = {
      ...memory.store,
      createSegment: async (segment: Parameters<typeof create>[0]) => {
        now += 3_600_000;
        return create(segment);
      },
    };
    await expect(processOn(memory, store)(says(0, 30), 29)).rejects.toMatchObject({
      code: 'StoreUnavailable',
    });
    expect(head(memory)).toBeUndefined();
  });
});

const calls = ['read', 'create', 'replace', 'createSegment', 'readSegment', 'deleteSegment'] as const;
/** A store of which one call, the nth, is handed to `fate`. */
function withFate(
  store: HistoryStore,
  nth: number,
  fate: (act: () => Promise<unknown>) => Promise<unknown>,
): { store: HistoryStore; count: () => number } {
  let count = 0;
  const wrapped = { ...store } as Record<string, unknown>;
  for (const name of calls) {
    const act = store[name] as (...args: unknown[]) => Promise<unknown>;
    wrapped[name] = (...args: unknown[]) => {
      count += 1;
      return count === nth ? fate(() => act(...args)) : act(...args);
    };
  }
  return { store: wrapped as HistoryStore, count: () => count };
}
const away = (): never => {
  throw new Failure('StoreUnavailable', 'away');
};
const never = new Promise<never>(() => undefined);

/** A paging write: four segments are there; one is exchanged, several are new, and one message is put in between. */
async function readyToPage() {
  const memory = memoryPorts();
  await processOn(memory)(says(0, 20), 19);
  const next = says(0, 34).with(3, say(3, 'edited'));
  return { memory, before: shown(says(0, 20)), next, after: shown(next) };
}

describe('whatever becomes of any one call of a paging write, a reader sees every message once, in order', () => {
  const late: (() => Promise<unknown>)[] = [];
  test.each<[string, (act: () => Promise<unknown>) => Promise<unknown>]>([
    ['it fails and was not carried out', async () => away()],
    ['it fails and was carried out', (act) => act().then(away)],
    ['the process dies before it is carried out', () => never],
    ['the process dies after it was carried out', (act) => act().then(() => never)],
    [
      'the process dies, and it is carried out after the next attempt',
      (act) => {
        late.push(act);
        return never;
      },
    ],
    ['it is carried out, sent again by the client, and only then answered', (act) => act().then(act)],
  ])('%s', async (_, fate) => {
    let nth = 0;
    for (let isOver = false; !isOver; ) {
      nth += 1;
      const { memory, before, next, after } = await readyToPage();
      const { store, count } = withFate(memory.store, nth, fate);
      const failed = processOn(memory, store)(next, 33).then(
        () => 'done',
        () => 'failed',
      );
      // One that never returns is as good as dead once nothing else is under way.
      await Promise.race([failed, new Promise((resolve) => setImmediate(resolve))]);
      isOver = count() < nth;
      expect([before, after]).toContainEqual(seen(memory));
      expect(await processOn(memory)(next, 33)).toEqual(['complete']);
      expect(seen(memory)).toEqual(after);
      for (const act of late.splice(0)) await act();
      expect(seen(memory)).toEqual(after);
      expect(await processOn(memory)(says(0, 36).with(3, say(3, 'edited')), 35)).toEqual(['complete']);
      expect(seen(memory).slice(0, 34)).toEqual(after);
    }
    expect(nth).toBeGreaterThan(5);
  });

  test('another writer comes before it, once or with every attempt', async () => {
    for (const once of [true, false]) {
      let nth = 0;
      for (let isOver = false; !isOver; ) {
        nth += 1;
        const { memory, next } = await readyToPage();
        let rivals = 0;
        const rival = async (): Promise<void> => {
          rivals += 1;
          const redis = memory.redis.get('s')!;
          await processOn(memory)(
            [...says(0, 19).with(3, say(3, 'edited')), ...says(34, 34 + rivals * 3)],
            34,
          );
          memory.redis.set('s', redis);
        };
        const { store, count } = withFate(memory.store, nth, (act) => rival().then(act));
        const replace = store.replace;
        if (!once)
          store.replace = (...given) =>
            (rivals < 4 ? rival() : Promise.resolve()).then(() => replace(...given));
        expect(await processOn(memory, store)(next, 33)).toEqual(['complete']);
        isOver = count() < nth;
        const all = shown([...next, ...says(34, 34 + rivals * 3)]);
        expect([...seen(memory)].sort()).toEqual([...all].sort());
        const listed = new Set(head(memory)!.segments!.map(({ id }) => id));
        // What a lost race made is deleted; the one segment that was exchanged is left to the sweep.
        expect([...memory.segments.keys()].filter((id) => !listed.has(id)).length).toBeLessThanOrEqual(
          1 + rivals,
        );
      }
      expect(nth).toBeGreaterThan(5);
    }
  });
});
