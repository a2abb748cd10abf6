import { randomUUID } from 'node:crypto';
import { openChatCompletions } from '../azure/chat-completions.ts';
import { openCosmos } from '../azure/cosmos.ts';
import { makeCredential } from '../azure/credential.ts';
import { openRedis } from '../azure/redis.ts';
import { clock } from '../clock.ts';
import type { Config } from '../config.ts';
import { makeKnownSegments } from '../pipeline/assemble.ts';
import { MAX_MESSAGE_BYTES } from '../pipeline/fit.ts';
import type { PersistPorts } from '../pipeline/persist.ts';
import type { HistoryStore, Log } from '../pipeline/ports.ts';
import { makeRoom } from '../pipeline/room.ts';
import { makeTitleGate } from '../pipeline/title-gate.ts';
import { makeTitling, type Titling } from '../pipeline/titling.ts';
import { makeCold } from '../pipeline/warm.ts';

export type OpenPorts = { ports: PersistPorts; close(): Promise<void> };

/**
 * Opens what the worker persists with. `isDryRun`: everything is read and merged, but nothing is written, and no title asked for.
 * @throws Failure of a service that cannot be had; nothing stays open then
 */
export async function openPersistPorts(
  config: Config,
  { log, isDryRun }: { log: Log; isDryRun: boolean },
): Promise<OpenPorts> {
  const credential = makeCredential(config.azureClientId);
  const opening = await Promise.allSettled([
    openCosmos(config, credential),
    openRedis(config, credential, log),
  ]);
  const [cosmos, redis] = opening;
  const close = async (): Promise<void> => {
    await Promise.all(opening.map((result) => result.status === 'fulfilled' && result.value.close()));
  };
  if (cosmos.status === 'rejected' || redis.status === 'rejected') {
    await close();
    throw new AggregateError(
      opening.flatMap((result) => (result.status === 'rejected' ? [result.reason] : [])),
      'a service could not be opened',
    );
  }
  const titling = isDryRun
    ? noTitles
    : makeTitling({
        model: openChatCompletions(config, credential),
        gate: makeTitleGate(clock, log),
        maxConcurrency: config.titles.maxConcurrency,
        log,
      });
  const ports: PersistPorts = {
    cache: redis.value,
    store: isDryRun ? withoutWrites(cosmos.value) : cosmos.value,
    titling,
    clock,
    knownSegments: makeKnownSegments(),
    warm: makeCold(),
    maxMessageBytes: MAX_MESSAGE_BYTES,
    pageBytes: config.pageBytes,
    newId: randomUUID,
    takeRoom: makeRoom(config.memoryBytes).take,
  };
  return { ports, close };
}

/** Takes every write for done. */
function withoutWrites(store: HistoryStore): HistoryStore {
  const written = async () => ({ etag: '"none"' });
  return {
    ...store,
    create: written,
    replace: written,
    append: written,
    setTitle: written,
    createSegment: async () => undefined,
    deleteSegment: async () => undefined,
  };
}

const none = { none: true } as const;
const noTitles: Titling = {
  job: () => ({ outcome: none, answered: Promise.resolve(none), stored: undefined, overtaken: false }),
  underWay: () => undefined,
  forget: () => undefined,
};
