import type { TokenCredential } from '@azure/identity';
import type { Config } from '../config.ts';
import { readDocument } from '../history/document.ts';
import { SEGMENT_PREFIX } from '../history/event.ts';
import { isSegmentList } from '../history/segment.ts';
import type { Ids } from '../pipeline/ports.ts';
import { call, openContainer } from './cosmos-container.ts';

export type OldSegment = Ids & { id: string };

/** Segments looked at together. */
const PAGE_SIZE = 200;

export type Segments = {
  /** By the server's clock, since it is the server that says when an item was written. */
  olderThan(seconds: number): AsyncIterable<OldSegment[]>;
  /** The ids of the segments that the conversation's head lists; none if there is no head. @throws Failure */
  listedBy(ids: Ids): Promise<ReadonlySet<string>>;
  delete(segment: OldSegment): Promise<void>;
  close(): void;
};

/** Opens the container for a sweep. @throws Failure as `openContainer` */
export async function openSegments(config: Config, credential: TokenCredential): Promise<Segments> {
  const { container, partitionOf, close } = await openContainer(config, credential, { isPatient: true });
  return {
    async *olderThan(seconds) {
      const { headers } = await call('the container', (abortSignal) => container.read({ abortSignal }));
      const nowMs = Date.parse(String(headers.date ?? '')) || Date.now();
      const before = Math.floor(nowMs / 1000) - seconds;
      const query = container.items.query<OldSegment>(
        {
          query: "SELECT c.id, c.sessionId, c.userId FROM c WHERE c.type = 'segment' AND c._ts < @before",
          parameters: [{ name: '@before', value: before }],
        },
        { maxItemCount: PAGE_SIZE },
      );
      while (query.hasMoreResults()) {
        const { resources } = await call('a query', () => query.fetchNext());
        // A shared container may have items of others that call themselves so.
        yield (resources ?? []).filter(({ id }) => id.startsWith(SEGMENT_PREFIX));
      }
    },
    async listedBy(ids) {
      const read = (abortSignal: AbortSignal) =>
        container.item(ids.sessionId, partitionOf(ids, ids.sessionId)).read({ abortSignal });
      const { resource } = await call('a read', read);
      if (resource === undefined) return new Set();
      // What cannot be read as a conversation may still list its pages: they are left alone. So are those of one that is marked as
      // deleted and lists them still: whoever has marked it may take that back.
      const { segments = [] } = resource as { segments?: unknown };
      if (readDocument(resource, ids).kind === 'foreign' || !isSegmentList(segments)) return everything;
      return new Set(segments.map(({ id }) => id));
    },
    async delete(segment) {
      await call('a segment delete', async (abortSignal) => {
        try {
          await container.item(segment.id, partitionOf(segment, segment.id)).delete({ abortSignal });
        } catch (error) {
          // Another sweep was faster.
          if ((error as { code?: unknown }).code !== 404) throw error;
        }
      });
    },
    close,
  };
}

const everything: ReadonlySet<string> = Object.assign(new Set<string>(), { has: () => true });
