import { Failure } from '../../src/pipeline/failures.ts';
import type { HistoryStore, Ids, WriteResult } from '../../src/pipeline/ports.ts';
import { courseOf, throttled } from './courses.ts';
import { type Course, call } from './network.ts';
import type { Process } from './process.ts';
import type { World } from './world.ts';

/** An item as it lies in the store: JSON, so that nobody changes it in place. */
export type Item = { json: string; etag: string };
export type Message = Record<string, unknown> & { role: string };
export type SegmentRef = { id: string; count: number };
export type Head = Record<string, unknown> & {
  id: string;
  userId: string;
  title: string;
  createdAt: string;
  lastActivity: string;
  messages: Message[];
  segments?: SegmentRef[];
  deletedAt?: string;
};

export type Store = {
  readonly heads: ReadonlyMap<string, Item>;
  readonly segments: ReadonlyMap<string, string>;
  createdAtMs(segmentId: string): number;
  deleteSegment(segmentId: string): void;
  /** The whole of it put over what is there, under a condition. */
  replace(key: string, head: Head, etag: string, by: string): WriteResult;
  create(key: string, head: Head, by: string): WriteResult;
  portFor(process: Process): HistoryStore;
};

export type StoreWatch = {
  /** Before a head is written over. */
  committing(key: string, former: Item | undefined, head: Head, by: string): void;
  /** A worker has been told what is stored. */
  shown(process: Process, key: string, item: Item | undefined): void;
  /** A worker begins to work on a conversation, or has ended that. */
  calling(process: Process, sessionId: string, what: string): () => void;
};

const DEADLINE_MS = 10_000;
export const keyOf = (ids: { userId: string; sessionId: string }): string => `${ids.userId} ${ids.sessionId}`;

/** Cosmos DB in memory: conditional writes by etag, segments beside the heads. */
export function makeStore(
  world: World,
  watch: StoreWatch,
  isRejected: (sessionId: string) => boolean,
): Store {
  const heads = new Map<string, Item>();
  const segments = new Map<string, string>();
  const created = new Map<string, number>();
  let etags = 0;

  function commit(key: string, head: Head, by: string): WriteResult {
    watch.committing(key, heads.get(key), head, by);
    etags += 1;
    const item: Item = { json: JSON.stringify(head), etag: `"${etags}"` };
    heads.set(key, item);
    world.trace.note(`${key} ${item.etag} by ${by} = ${item.json}`);
    return { etag: item.etag };
  }
  const create = (key: string, head: Head, by: string): WriteResult =>
    heads.has(key) ? conflict() : commit(key, head, by);
  const replace = (key: string, head: Head, etag: string, by: string): WriteResult =>
    heads.get(key)?.etag === etag ? commit(key, head, by) : conflict();
  function conflict(): WriteResult {
    world.counts.conflicts += 1;
    return 'conflict';
  }

  function course(isWrite: boolean): Course {
    const { chance, plan } = world;
    if (world.isStormy() && chance.happens(plan.rates.throttle)) return throttled(world);
    const manner = { service: 'cosmos', code: 'StoreUnavailable', deadlineMs: DEADLINE_MS } as const;
    const planned = courseOf(world, { ...manner, rate: plan.rates.call, isWrite });
    const isDoubled =
      isWrite && world.isStormy() && planned.effect === 'takes' && chance.happens(plan.rates.doubled);
    return isDoubled ? { ...planned, effect: 'twice' } : planned;
  }

  function portFor(process: Process): HistoryStore {
    async function send<T>(what: string, sessionId: string, isWrite: boolean, effect: () => T): Promise<T> {
      const over = watch.calling(process, sessionId, what);
      try {
        return await call(world, process, `${what} ${sessionId}`, course(isWrite), effect);
      } finally {
        over();
      }
    }
    const write = (
      what: string,
      head: Head,
      act: (key: string, copy: Head) => WriteResult,
    ): Promise<WriteResult> => {
      // As it is at the call: what the caller does to it afterwards is not sent.
      const json = JSON.stringify(head);
      return send(what, head.id, true, () => {
        if (isRejected(head.id)) throw rejected();
        return act(keyOf({ userId: head.userId, sessionId: head.id }), JSON.parse(json));
      });
    };
    return {
      async read(ids) {
        const item = await send('read', ids.sessionId, false, () => heads.get(keyOf(ids)));
        watch.shown(process, keyOf(ids), item);
        return item && { item: JSON.parse(item.json), etag: item.etag };
      },
      create: (document) =>
        write('create', document as unknown as Head, (key, head) => create(key, head, process.name)),
      replace: (document, etag) =>
        write('replace', document as unknown as Head, (key, head) => replace(key, head, etag, process.name)),
      append: (ids, appended, etag) => {
        const json = JSON.stringify(appended);
        return send('append', ids.sessionId, true, () => {
          if (isRejected(ids.sessionId)) throw rejected();
          const key = keyOf(ids);
          const item = heads.get(key);
          if (item?.etag !== etag) return conflict();
          const { messages, ...fields } = JSON.parse(json);
          const head: Head = JSON.parse(item.json);
          return commit(key, { ...head, ...fields, messages: [...head.messages, ...messages] }, process.name);
        });
      },
      setTitle: (ids, title) =>
        send('setTitle', ids.sessionId, true, () => patchTitle(ids, title, process.name)),
      createSegment: (segment) => {
        const json = JSON.stringify(segment);
        return send('createSegment', segment.sessionId, true, () => {
          if (segments.has(segment.id)) return;
          segments.set(segment.id, json);
          created.set(segment.id, world.clock.nowMs);
          world.trace.note(`segment = ${json}`);
        });
      },
      readSegment: (ids, id) =>
        send('readSegment', ids.sessionId, false, () => {
          const json = segments.get(id);
          return json === undefined ? undefined : JSON.parse(json).messages;
        }),
      deleteSegment: (ids, id) =>
        send('deleteSegment', ids.sessionId, true, () => {
          segments.delete(id);
        }),
      probe: () => call(world, process, 'probe cosmos', course(false), () => undefined),
      close: async () => undefined,
    };
  }

  function patchTitle(ids: Ids, title: object, by: string): WriteResult {
    const item = heads.get(keyOf(ids));
    const head: Head | undefined = item && JSON.parse(item.json);
    if (!head || head.deletedAt || !isUntitled(head.title)) return conflict();
    return commit(keyOf(ids), { ...head, ...title }, by);
  }

  return {
    heads,
    segments,
    createdAtMs: (id) => created.get(id)!,
    deleteSegment: (id) => void segments.delete(id),
    create,
    replace,
    portFor,
  };
}

export const isUntitled = (title: unknown): boolean =>
  typeof title !== 'string' || title === '' || title === 'New Conversation';

const rejected = (): Failure => new Failure('RejectedByStore', 'simulated: 400');
