import type { HistoryDocument } from '../history/document.ts';
import { isRef, layOut, type PageLimits } from '../history/pages.ts';
import { makeSegment, type Segment, type SegmentRef } from '../history/segment.ts';
import type { Assembled } from './assemble.ts';
import type { HistoryStore, Ids, WriteResult } from './ports.ts';
import { makeSlots } from './slots.ts';

/** 2 MB less Cosmos DB's own fields, which it counts too. */
const MAX_ITEM_BYTES = 2_090_000;
/** Half of what an item can hold: from 1 MB on a read costs more than twice as much (Microsoft's table of request units). */
const MAX_SEGMENT_BYTES = 1_000_000;
/** Segments of one conversation that are written at the same time. */
const WRITES_AT_ONCE = 4;

export type PagePorts = {
  store: HistoryStore;
  /** A conversation larger than this (bytes of JSON) is written in pages. */
  pageBytes: number;
  /** A UUID for a new segment. */
  newId: () => string;
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
  { store, pageBytes, newId }: PagePorts,
): Promise<WriteResult> {
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
  await forEachAtOnce(fresh, (segment) => store.createSegment(segment));
  const all = [...apart, ...list];
  const head = {
    ...fields,
    messages: layout.head,
    ...(all.length > 0 ? { segments: all } : {}),
  } as HistoryDocument;
  const result = await (etag === undefined ? store.create(head) : store.replace(head, etag));
  if (result === 'conflict') await forEachAtOnce(fresh, ({ id }) => store.deleteSegment(ids, id));
  return result;
}

const limitsOf = (pageBytes: number): PageLimits => ({
  pageBytes,
  segmentBytes: Math.min(pageBytes, MAX_SEGMENT_BYTES),
  itemBytes: MAX_ITEM_BYTES,
});

async function forEachAtOnce<T>(items: readonly T[], call: (item: T) => Promise<unknown>): Promise<void> {
  const slots = makeSlots(WRITES_AT_ONCE);
  await Promise.all(
    items.map(async (item) => {
      await slots.take();
      try {
        await call(item);
      } finally {
        slots.give();
      }
    }),
  );
}
