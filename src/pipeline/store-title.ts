import { Failure, isFinal } from './failures.ts';
import type { HistoryStore, Ids } from './ports.ts';
import type { TitleJob, Titling } from './titling.ts';

/**
 * Stores what the model answers as soon as it does, by a patch that holds only while the title is still none; the one patch is
 * shared by all whose events wait for it. Tells whether the conversation has its answer then.
 * @throws Failure when the store could not be had: the answer is kept, and the next round carries it in its write
 */
export function storeTitle(
  ids: Ids,
  key: string,
  job: TitleJob,
  { store, titling }: { store: HistoryStore; titling: Titling },
): Promise<boolean> {
  const patch = async (): Promise<boolean> => {
    const outcome = await job.answered;
    const brought = !('none' in outcome);
    const written = brought ? await store.setTitle(ids, outcome) : undefined;
    // A conflict means that a user or another worker has named it by now: theirs stays.
    titling.forget(key, written && written !== 'conflict' ? 'stored' : 'overtaken');
    return brought;
  };
  job.stored ??= patch().catch((error) => {
    // The conversation is durable: a title that this document cannot take is one that cannot be had.
    if (error instanceof Failure && isFinal(error.code)) {
      titling.forget(key, 'unavailable');
      return false;
    }
    job.stored = undefined;
    throw error;
  });
  return job.stored;
}
