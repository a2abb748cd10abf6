import type { HistoryDocument } from '../history/document.ts';
import { isRef, layOut, type PageLimits } from '../history/pages.ts';
import { isSegmentList, makeSegment, type Segment, type SegmentRef } from '../history/segment.ts';
import type { Assembled } from './assemble.ts';
import { Failure } from './failures.ts';
import type { Clock, HistoryStore, Ids } from './ports.ts';
import type { Stored } from './warm.ts';
import type { RoundFacts } from './watch.ts';

/** 2 MB less Cosmos DB's own fields, which it counts too. */
const MAX_ITEM_BYTES = 2_090_000;
/** Half of what an item can hold: from 1 MB on a read costs more than twice as much (Microsoft's table of request units). */
const MAX_SEGMENT_BYTES = 1_000_000;
/** Segments of one conversation that are written at the same time. */
const WRITES_AT_ONCE = 4;
/**
 * From the first segment to the head: the sweep deletes unlisted segments that are an hour old, and a process may have been
 * stopped in between for any time.
 */
const MAX_WRITE_MS = 10 * 60_000;

export type PagePorts = {
  store: HistoryStore;
  clock: Pick<Clock, 'now'>;
  /** A conversation larger than this (bytes of JSON) is written in pages. */
  pageBytes: number;
  /** A UUID for a new segment. */
  newId: () => string;
  /** Told how many segments there are. */
  note?: (facts: RoundFacts) => void;
};

/**
 * Writes a whole conversation by the protocol of SPEC §3: first the segments that are new, then the head, whose conditional
 * write is the commit. On a conflict nothing is left behind; on any other failure nothing is deleted, since the head may
 * have been written after all.
 * @throws Failure whose write had an unknown outcome
 */
export async function writePages(
  ids: Ids,
  document: HistoryDocument,
  { apart, parts }: Assembled,
  etag: string | undefined,
  { store, pageBytes, newId, clock, note }: PagePorts,
): Promise<Stored | 'conflict'> {
  const { messages, segments, ...fields } = document;
  const fixedBytes = Buffer.byteLength(JSON.stringify({ ...fields, messages: [], segments }));
  const layout = layOut(messages, parts, fixedBytes, limitsOf(pageBytes));
  const fresh: Segment[] = [];
  const list = layout.list.map((entry): SegmentRef => {
    if (isRef(entry)) return entry;
    const { segment, ref } = makeSegment(ids, entry, newId());
    fresh.push(segment);
    return ref;
  });
  const begunMs = clock.now();
  if (fresh.length > 0) await forEachAtOnce(fresh, (segment) => store.createSegment(segment));
  const all = [...apart, ...list];
  note?.({ segments: all.length });
  const head = {
    ...fields,
    messages: layout.head,
    ...(all.length > 0 ? { segments: all } : {}),
  } as HistoryDocument;
  if (clock.now() - begunMs > MAX_WRITE_MS)
    throw new Failure('StoreUnavailable', 'the segments took so long to write that they may be swept by now');
  const result = await (etag === undefined ? store.create(head) : store.replace(head, etag));
  if (result !== 'conflict') return { document: head, etag: result.etag };
  if (fresh.length > 0) await discard(ids, fresh, store);
  return 'conflict';
}

/**
 * Deletes segments whose head was not written. A client or gateway may have sent the write twice by itself, and the conflict may be
 * with our own first: so what the head lists by now is left alone.
 */
async function discard(ids: Ids, fresh: readonly Segment[], store: HistoryStore): Promise<void> {
  const head = (await store.read(ids))?.item as { segments?: unknown } | undefined;
  const listed = isSegmentList(head?.segments) ? new Set(head.segments.map(({ id }) => id)) : new Set();
  await forEachAtOnce(
    fresh.filter(({ id }) => !listed.has(id)),
    ({ id }) => store.deleteSegment(ids, id),
  );
}

/** How large the pages of a conversation may be under this limit. */
export const limitsOf = (pageBytes: number): PageLimits => ({
  pageBytes,
  segmentBytes: Math.min(pageBytes, MAX_SEGMENT_BYTES),
  itemBytes: MAX_ITEM_BYTES,
});

/** Begins nothing more after the first failure. */
async function forEachAtOnce<T>(items: readonly T[], call: (item: T) => Promise<unknown>): Promise<void> {
  const queue = items.values();
  let failed = false;
  const work = async (): Promise<void> => {
    for (const item of queue) {
      if (failed) return;
      await call(item).catch((error) => {
        failed = true;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: WRITES_AT_ONCE }, work));
}
