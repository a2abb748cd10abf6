import { randomUUID } from 'node:crypto';
import type { HistoryDocument } from '../history/document.ts';
import { isUntitled } from '../history/document.ts';
import type { Segment } from '../history/segment.ts';
import { makeKnownSegments } from './assemble.ts';
import type { Clock, ConversationCache, HeldEvent, HistoryStore, Ids, Log, TitleModel } from './ports.ts';
import { makeWarm } from './warm.ts';

/** The event of a turn, held under a lock that lasts, for tests of the pipeline by itself. */
export const heldEvent = (
  sessionId: string,
  chatMessageId: string,
  fields: Partial<HeldEvent> = {},
): HeldEvent => ({
  body: {
    sessionId,
    userId: 'u',
    chatMessageId,
    completedAt: '2026-01-02T00:00:00Z',
    eventType: 'message_completed',
  },
  messageId: chatMessageId,
  enqueuedAtMs: Date.now(),
  lock: { lockedUntilMs: Date.now() + 60_000, renew: async () => Date.now() + 60_000 },
  deliveryCount: 0,
  traceparent: undefined,
  settle: async () => undefined,
  ...fields,
});

/** The ports in memory, for tests of the pipeline by itself: the same promises, no services. */
export function memoryPorts(
  given: { answer?: () => Promise<string>; beforeWrite?: (ids: Ids) => void } = {},
) {
  const redis = new Map<string, string>();
  const items = new Map<string, { item: HistoryDocument; etag: string }>();
  const segments = new Map<string, Segment>();
  const calls = {
    cacheReads: 0,
    storeReads: 0,
    creates: 0,
    replaces: 0,
    appends: 0,
    titles: 0,
    asks: 0,
    segmentsCreated: 0,
    segmentsRead: 0,
  };
  let etag = 0;
  const put = (item: HistoryDocument): { etag: string } => {
    etag += 1;
    const stored = { item: structuredClone(item), etag: `"${etag}"` };
    items.set(`${item.userId}\n${item.id}`, stored);
    return stored;
  };
  const cache: ConversationCache = {
    async read(sessionId) {
      calls.cacheReads += 1;
      return redis.get(sessionId);
    },
    async probe() {},
    async close() {},
  };
  const store: HistoryStore = {
    async read(ids) {
      calls.storeReads += 1;
      return structuredClone(items.get(`${ids.userId}\n${ids.sessionId}`));
    },
    async create(document) {
      calls.creates += 1;
      given.beforeWrite?.(document);
      if (items.has(`${document.userId}\n${document.id}`)) return 'conflict';
      return put(document);
    },
    async replace(document, etag) {
      calls.replaces += 1;
      given.beforeWrite?.(document);
      if (items.get(`${document.userId}\n${document.id}`)?.etag !== etag) return 'conflict';
      return put(document);
    },
    async append(ids, { messages, ...fields }, etag) {
      calls.appends += 1;
      given.beforeWrite?.(ids);
      const now = items.get(`${ids.userId}\n${ids.sessionId}`);
      if (now?.etag !== etag) return 'conflict';
      return put({ ...now.item, ...fields, messages: [...now.item.messages, ...messages] });
    },
    async setTitle(ids, title) {
      calls.titles += 1;
      const found = items.get(`${ids.userId}\n${ids.sessionId}`);
      if (!found || !isUntitled(found.item.title)) return 'conflict';
      return put({ ...found.item, ...title });
    },
    async createSegment(segment) {
      calls.segmentsCreated += 1;
      segments.set(segment.id, structuredClone(segment));
    },
    async readSegment(_, id) {
      calls.segmentsRead += 1;
      return structuredClone(segments.get(id)?.messages);
    },
    async deleteSegment(_, id) {
      segments.delete(id);
    },
    async probe() {},
    async close() {},
  };
  const model: TitleModel = {
    async ask() {
      calls.asks += 1;
      return given.answer ? given.answer() : 'A Generated Title';
    },
  };
  const clock: Clock = {
    now: () => Date.now(),
    random: Math.random,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, ms);
        signal?.addEventListener('abort', () => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
  const silent = (): void => undefined;
  const log: Log = { debug: silent, info: silent, warn: silent, error: silent };
  const paging = {
    pageBytes: 2_000_000,
    maxMessageBytes: 2_000_000,
    newId: () => randomUUID() as string,
    knownSegments: makeKnownSegments(),
    takeRoom: async () => () => undefined,
    warm: makeWarm(1_000_000, { random: () => 1 }),
  };
  return { ...paging, redis, items, segments, put, calls, cache, store, model, clock, log };
}
