import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Conversation, Message } from '../history/conversation.ts';
import { type HistoryDocument, newDocument } from '../history/document.ts';
import { mergeConversations } from '../history/merge.ts';
import { makeFingerprints } from './assemble.ts';
import { Failure } from './failures.ts';
import { memoryPorts } from './memory-ports.ts';
import { persist } from './persist.ts';
import type { HistoryStore } from './ports.ts';
import { makeTitleGate } from './title-gate.ts';
import { makeTitling } from './titling.ts';

const ids = { sessionId: 's', userId: 'u' };
const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const say = (n: number, version = 0): Message => ({
  ...(n % 7 === 3 ? {} : { messageId: `m${n}` }),
  role: n % 2 ? 'assistant' : 'user',
  content: n % 7 === 3 ? 'ok' : `message ${n}, version ${version}${'.'.repeat(n % 50)}`,
  timestamp: at(Math.floor(n / 2)),
});
const snapshotOf = (messages: Message[], activity: number): Conversation => ({
  ...ids,
  title: 'Named',
  createdAt: at(0),
  lastActivity: at(activity),
  messages,
});
const eventAt = (activity: number) => ({
  ...ids,
  chatMessageId: 'none',
  completedAt: at(activity),
  completedAtMs: Date.parse(at(activity)),
});

function setUp(wrap: (store: HistoryStore) => HistoryStore = (store) => store, pageBytes = 1_500) {
  const memory = memoryPorts();
  const { model, clock, log } = memory;
  const titling = makeTitling({ model, gate: makeTitleGate(clock, log), maxConcurrency: 4, log });
  const ports = { ...memory, store: wrap(memory.store), titling, pageBytes };
  const head = (): HistoryDocument | undefined => memory.items.get('u\ns')?.item;
  return {
    ...memory,
    ports,
    head,
    show: (snapshot: Conversation) => void memory.redis.set('s', JSON.stringify(snapshot)),
    run: (activity: number) => persist(ids, [eventAt(activity)], ports),
    /** What a reader finds: by the list of the head alone. */
    read(): Message[] {
      const document = head();
      const pages = (document?.segments ?? []).flatMap(({ id }) => memory.segments.get(id)!.messages);
      return [...pages, ...(document?.messages ?? [])];
    },
  };
}

describe('a paged conversation', () => {
  /** A window of the true conversation, perhaps with one message edited, seen at some time. */
  const view = fc.record({
    from: fc.nat(30),
    length: fc.integer({ min: 1, max: 60 }),
    edited: fc.option(fc.nat(60), { nil: undefined }),
    forget: fc.boolean(),
  });

  test('reads as if it had been merged in one piece, whatever was seen of it, and whatever the process remembers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(view, { minLength: 1, maxLength: 12 }), async (views) => {
        const { ports, show, run, read, head } = setUp();
        let expected: HistoryDocument | undefined;
        for (const [index, { from, length, edited, forget }] of views.entries()) {
          if (forget) ports.fingerprints = makeFingerprints();
          const start = index === 0 ? 0 : from + index;
          const messages = Array.from({ length }, (_, n) =>
            say(start + n, edited === start + n ? index + 1 : 0),
          );
          const snapshot = snapshotOf(messages, start + length);
          show(snapshot);
          await run(start + length);
          const seen = JSON.parse(JSON.stringify(snapshot)) as Conversation;
          expected = expected
            ? mergeConversations(expected, seen).document
            : newDocument(seen, { persistedAt: '' });
          expect(read()).toEqual(expected.messages);
          expect(head()?.lastActivity).toBe(expected.lastActivity);
        }
      }),
      { numRuns: 150 },
    );
  });

  test('that is shown whole needs no read of a page, and old pages stay as they are', async () => {
    const { show, run, read, head, calls } = setUp();
    for (let turns = 2; turns <= 200; turns += 2) {
      show(
        snapshotOf(
          Array.from({ length: turns }, (_, n) => say(n)),
          turns,
        ),
      );
      await run(turns);
    }
    expect(read()).toHaveLength(200);
    expect(head()!.segments!.length).toBeGreaterThan(5);
    expect(calls.segmentsRead).toBe(0);
    // Each page was written once: nothing is rewritten as the conversation grows.
    expect(calls.segmentsCreated).toBe(head()!.segments!.length);
  });

  test('of which an old message is edited costs one read and exchanges one page', async () => {
    const { show, run, read, head, calls } = setUp();
    const messages = Array.from({ length: 120 }, (_, n) => say(n));
    show(snapshotOf(messages, 1));
    await run(1);
    const before = head()!.segments!.map(({ id }) => id);
    show(snapshotOf(messages.with(11, say(11, 1)), 2));
    await run(2);
    expect(read()).toEqual(messages.with(11, say(11, 1)));
    expect(calls.segmentsRead).toBe(1);
    const after = head()!.segments!.map(({ id }) => id);
    expect(after.filter((id) => !before.includes(id))).toHaveLength(1);
    expect(after).toHaveLength(before.length);
  });

  test('that Redis has forgotten is read once by a process, and then never again for its new turns', async () => {
    const { ports, show, run, read, head, calls } = setUp();
    const old = Array.from({ length: 120 }, (_, n) => say(n));
    show(snapshotOf(old, 1));
    await run(1);
    const pages = head()!.segments!.length;
    ports.fingerprints = makeFingerprints();
    for (let turns = 1; turns <= 10; turns += 1) {
      show(
        snapshotOf(
          Array.from({ length: turns }, (_, n) => say(1_000 + n)),
          2_000 + turns,
        ),
      );
      await run(2_000 + turns);
    }
    expect(read()).toEqual([...old, ...Array.from({ length: 10 }, (_, n) => say(1_000 + n))]);
    expect(calls.segmentsRead).toBe(pages);
  });

  test('whose listed page is gone is not written over: its event waits', async () => {
    const { show, run, head, segments, calls } = setUp();
    const messages = Array.from({ length: 120 }, (_, n) => say(n));
    show(snapshotOf(messages, 1));
    await run(1);
    segments.delete(head()!.segments![0]!.id);
    const { replaces } = calls;
    show(snapshotOf([say(5, 1), say(500)], 2));
    expect((await run(2)).verdicts).toMatchObject([{ kind: 'wait', code: 'SegmentMissing' }]);
    expect(calls.replaces).toBe(replaces);
  });

  test('keeps a message that is larger than a page whole, in a page of its own or in the head', async () => {
    const { show, run, read, head } = setUp();
    const large = { ...say(1), content: 'x'.repeat(5_000) };
    show(
      snapshotOf(
        [say(0), large, say(2), large, say(4)].map((m, n) => ({ ...m, messageId: `l${n}` })),
        1,
      ),
    );
    await run(1);
    expect(read().map(({ messageId }) => messageId)).toEqual(['l0', 'l1', 'l2', 'l3', 'l4']);
    expect(head()!.messages.length).toBeGreaterThan(0);
  });
});

describe('a death, an unknown outcome or a competing writer at any call', () => {
  type Trouble = 'dies before' | 'dies after' | 'fails before' | 'fails after' | 'competes';
  const methods = ['create', 'replace', 'createSegment', 'readSegment', 'deleteSegment', 'read'] as const;
  const first = Array.from({ length: 60 }, (_, n) => say(n));
  const second = Array.from({ length: 110 }, (_, n) => say(n, n === 3 ? 1 : 0));
  const others = [...second.slice(0, 64), say(992, 1), say(993, 1)];

  /** A store whose nth call meets with trouble. */
  function troubled(store: HistoryStore, nth: number, trouble: Trouble, compete: () => Promise<unknown>) {
    let calls = 0;
    const wrapped = { ...store } as HistoryStore;
    for (const method of methods) {
      const call = store[method] as (...args: unknown[]) => Promise<unknown>;
      (wrapped[method] as unknown) = async (...args: unknown[]): Promise<unknown> => {
        calls += 1;
        if (calls !== nth) return call(...args);
        if (trouble === 'competes') {
          await compete();
          return call(...args);
        }
        if (trouble.endsWith('after')) await call(...args);
        if (trouble.startsWith('dies')) return new Promise(() => undefined);
        throw new Failure('StoreUnavailable', 'the connection was reset');
      };
    }
    return { wrapped, happened: () => calls >= nth };
  }

  test.each<Trouble>(['dies before', 'dies after', 'fails before', 'fails after', 'competes'])(
    '%s: a reader sees every message once and in order, then and after the next attempt',
    async (trouble) => {
      let reached = true;
      for (let nth = 1; reached; nth += 1) {
        let happened = () => false;
        const scene = setUp();
        const { show, read, ports, redis } = scene;
        show(snapshotOf(first, 60));
        await scene.run(60);
        const competing = async (): Promise<void> => {
          const mine = redis.get('s')!;
          show(snapshotOf(others, 64));
          await persist(ids, [eventAt(64)], ports);
          redis.set('s', mine);
        };
        const trouble_ = troubled(ports.store, nth, trouble, competing);
        happened = trouble_.happened;
        show(snapshotOf(second, 110));
        const attempt = persist(ids, [eventAt(110)], { ...ports, store: trouble_.wrapped });
        await Promise.race([
          attempt.catch(() => undefined),
          new Promise((resolve) => setTimeout(resolve, 5)),
        ]);
        const known = new Set([...first, ...second, ...others].map((message) => message.messageId));
        for (const list of [read()]) {
          const withId = list.flatMap(({ messageId }) => messageId ?? []);
          expect(new Set(withId).size).toBe(withId.length);
          expect(withId.every((id) => known.has(id))).toBe(true);
        }
        await scene.run(110);
        const expected = [...second];
        // What the other writer brought stands where its time puts it.
        const extra = trouble === 'competes' && happened() ? [say(992, 1), say(993, 1)] : [];
        expect(read().filter(({ messageId }) => messageId !== 'm992' && messageId !== 'm993')).toEqual(
          expected,
        );
        expect(read()).toHaveLength(expected.length + extra.length);
        reached = happened();
        if (nth > 60) throw new Error('the attempt does not end');
      }
    },
  );
});
