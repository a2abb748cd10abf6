import { type OldSegment, openSegments, type Segments } from '../azure/cosmos-segments.ts';
import { makeCredential } from '../azure/credential.ts';
import type { Config } from '../config.ts';
import { keyOf } from '../pipeline/conversation-key.ts';

type SweepOptions = { isDryRun: boolean; olderThanMinutes: number };
type Swept = { found: number; listed: number; deleted: number };

/** Longer than any write's deadline: by then a segment that no head lists will never be listed. */
const MIN_AGE_MINUTES = 60;

/**
 * Deletes segments that no head lists: what writes that lost a race, died or had an unknown outcome left behind, and pages
 * that were exchanged. The segments are listed first and the heads read after: what is young enough to be committed between
 * the two is not on the list. Safe to repeat, and by two at once.
 * @throws Failure StoreUnavailable or StoreMisconfigured
 */
export async function sweep(config: Config, options: SweepOptions): Promise<Swept> {
  const segments = await openSegments(config, makeCredential(config.azureClientId));
  try {
    return await sweepAll(segments, options);
  } finally {
    segments.close();
  }
}

async function sweepAll(segments: Segments, { isDryRun, olderThanMinutes }: SweepOptions): Promise<Swept> {
  const swept: Swept = { found: 0, listed: 0, deleted: 0 };
  for await (const page of segments.olderThan(Math.max(MIN_AGE_MINUTES, olderThanMinutes) * 60)) {
    for (const ofOne of groupByConversation(page)) {
      const listed = await segments.listedBy(ofOne[0]!);
      swept.found += ofOne.length;
      for (const segment of ofOne) {
        if (listed.has(segment.id)) {
          swept.listed += 1;
          continue;
        }
        if (!isDryRun) await segments.delete(segment);
        swept.deleted += 1;
      }
    }
  }
  return swept;
}

const groupByConversation = (page: readonly OldSegment[]): OldSegment[][] =>
  Object.values(Object.groupBy(page, keyOf)).filter((group) => group !== undefined);
