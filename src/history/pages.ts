import type { Message } from './conversation.ts';
import type { SegmentRef } from './segment.ts';

/** A segment and the messages that are in it. */
export type Part = { ref: SegmentRef; messages: readonly Message[] };

export type PageLimits = {
  /** A head larger than this is cut (bytes of JSON). */
  pageBytes: number;
  /** No segment is larger, unless a single message is. */
  segmentBytes: number;
  /** No item can be larger. */
  itemBytes: number;
};

/** How a conversation is laid out: segments that stay as they are, runs that are to become segments, and the head's own. */
export type Layout = { list: (SegmentRef | Message[])[]; head: Message[] };

/** Whether it is a segment that stays, and no run that becomes one. */
export const isRef = (entry: SegmentRef | Message[]): entry is SegmentRef => !Array.isArray(entry);

/** What a reference adds to a head, generously. */
const REF_BYTES = 180;

/**
 * Lays out merged messages over a head and segments. A segment whose messages are still the same run stays; a run that
 * changed is cut anew in its place; and where what is left for the head is too large, its oldest messages are cut into
 * segments until the head is half full. The newest message stays in the head if an item can hold it.
 *
 * `parts` are the known segments in order, `fixedBytes` is the rest of the head: its fields, and the list as it was.
 */
export function layOut(
  messages: readonly Message[],
  parts: readonly Part[],
  fixedBytes: number,
  limits: PageLimits,
): Layout {
  const list: Layout['list'] = [];
  const positions = new Map(parts.length > 0 ? messages.map((message, index) => [message, index]) : []);
  let at = 0;
  for (const { ref, messages: kept } of parts) {
    const start = kept[0] && positions.get(kept[0]);
    if (start === undefined || start < at) continue;
    if (!kept.every((message, index) => message === messages[start + index])) continue;
    list.push(...cut(messages.slice(at, start), limits.segmentBytes), ref);
    at = start + kept.length;
  }
  const rest = messages.slice(at);
  const room = roomOf(fixedBytes + newRuns(list) * REF_BYTES, limits);
  // Nearly always: measured in one go, and no message by itself.
  if (Buffer.byteLength(JSON.stringify(rest)) <= room) return { list, head: rest };
  const sizes = rest.map(bytesOf);
  const split = headBegins(sizes, room);
  list.push(...cut(rest.slice(0, split), limits.segmentBytes, sizes));
  const headBytes = fixedBytes + newRuns(list) * REF_BYTES + sumOf(sizes.slice(split));
  if (headBytes <= limits.itemBytes) return { list, head: rest.slice(split) };
  // What is left is the newest message, and no item holds it beside the head's own fields.
  list.push(...cut(rest.slice(split), limits.segmentBytes));
  return { list, head: [] };
}

/** How many bytes of messages the head may hold. */
function roomOf(fixedBytes: number, { pageBytes, itemBytes }: PageLimits): number {
  // A long list must not crowd the messages out: then the head is allowed to be larger than a page.
  return Math.min(Math.max(pageBytes - fixedBytes, pageBytes / 2), itemBytes - fixedBytes);
}

/** The index of the first message that stays in a head that is too full: then it is half full, or has one message. */
function headBegins(sizes: readonly number[], room: number): number {
  let left = sumOf(sizes);
  let begins = 0;
  while (begins < sizes.length - 1 && left > room / 2) left -= sizes[begins++]!;
  return begins;
}

function cut(messages: readonly Message[], segmentBytes: number, sizes?: readonly number[]): Message[][] {
  const runs: Message[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  messages.forEach((message, index) => {
    const size = sizes?.[index] ?? bytesOf(message);
    if (bytes + size > segmentBytes) {
      runs.push([]);
      bytes = 0;
    }
    runs.at(-1)!.push(message);
    bytes += size;
  });
  return runs;
}

const newRuns = (list: Layout['list']): number => list.filter((entry) => !isRef(entry)).length;
const sumOf = (sizes: readonly number[]): number => sizes.reduce((sum, bytes) => sum + bytes, 0);

/** With the comma behind it. */
const bytesOf = (message: Message): number => Buffer.byteLength(JSON.stringify(message)) + 1;
