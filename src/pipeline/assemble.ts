import { LRUCache } from 'lru-cache';
import type { Message } from '../history/conversation.ts';
import {
  type Fingerprint,
  fingerprintOf,
  isApart,
  isCoveredAt,
  keepsFirstTime,
  type Lookup,
  makeLookup,
  positionBehind,
  sameRunAt,
} from '../history/coverage.ts';
import type { HistoryDocument } from '../history/document.ts';
import type { Part } from '../history/pages.ts';
import type { SegmentRef } from '../history/segment.ts';
import type { HistoryStore, Ids } from './ports.ts';

/** The segments of a conversation as far as a snapshot makes it necessary to know them. */
export type Assembled = {
  /** Those at the front that have nothing to do with the snapshot: neither read nor touched. */
  apart: readonly SegmentRef[];
  /** The others, with their messages. */
  parts: Part[];
};

/** What a process has learnt of segments by reading them: they never change. Bounded; without it they are only read again. */
export type KnownSegments = {
  fingerprints: LRUCache<string, Fingerprint>;
  /** Of those that a snapshot showed in part: the next snapshot does too. */
  contents: LRUCache<string, readonly Message[]>;
};

/** Bytes: that is four million messages. */
const FINGERPRINT_BYTES = 16_000_000;
/** Bytes of JSON. */
const CONTENT_BYTES = 8_000_000;

/** Nothing yet. */
export function makeKnownSegments(): KnownSegments {
  return {
    fingerprints: new LRUCache({
      maxSize: FINGERPRINT_BYTES,
      sizeCalculation: ({ identities }) => identities.byteLength + 200,
    }),
    contents: new LRUCache({ maxSize: CONTENT_BYTES }),
  };
}

/**
 * Finds out what is in the segments, with as few reads as can be: none where the snapshot shows the whole conversation, one
 * where a message in a segment has changed, and each at most once in a process where Redis has forgotten what is in them.
 * Undefined: a listed segment is not there, so the head has moved on.
 */
export async function assemble(
  ids: Ids,
  head: HistoryDocument | undefined,
  snapshot: readonly Message[],
  ports: AssemblyPorts,
): Promise<Assembled | undefined> {
  if (!head?.segments?.length) return { apart: [], parts: [] };
  const lookup = makeLookup(snapshot);
  const refs = head.segments;
  const assembled = await readWhere(ids, refs, lookup, ports, true);
  const holds = ({ parts }: Assembled): boolean =>
    [head, ...parts].every(({ messages }) => keepsFirstTime(messages, lookup));
  if (!assembled || assembled.apart.length === 0 || holds(assembled)) return assembled;
  return readWhere(ids, refs, lookup, ports, false);
}

type AssemblyPorts = { store: HistoryStore; knownSegments: KnownSegments };

async function readWhere(
  ids: Ids,
  refs: readonly SegmentRef[],
  lookup: Lookup,
  { store, knownSegments: { fingerprints, contents } }: AssemblyPorts,
  mayStayApart: boolean,
): Promise<Assembled | undefined> {
  const parts: Part[] = [];
  let apart = 0;
  let position = 0;
  for (const ref of refs) {
    const isFront = mayStayApart && parts.length === 0;
    const known = fingerprints.get(ref.id);
    if (isFront && known && isApart(known, lookup)) {
      apart += 1;
      continue;
    }
    if (isCoveredAt(ref, known, lookup, position)) {
      parts.push({ ref, messages: lookup.messages.slice(position, position + ref.count) });
      position += ref.count;
      continue;
    }
    const messages = contents.get(ref.id) ?? (await store.readSegment(ids, ref.id));
    if (!messages) return undefined;
    const fingerprint = known ?? fingerprintOf(messages);
    fingerprints.set(ref.id, fingerprint);
    if (isFront && isApart(fingerprint, lookup)) {
      apart += 1;
      continue;
    }
    fingerprint.sameAs = sameRunAt(messages, lookup, position) ?? fingerprint.sameAs;
    contents.set(ref.id, messages, { size: Math.max(1, ref.bytes) });
    parts.push({ ref, messages });
    position = positionBehind(messages, lookup, position);
  }
  return { apart: refs.slice(0, apart), parts };
}
