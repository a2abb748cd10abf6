import type { ConversationCache } from '../../src/pipeline/ports.ts';
import { courseOf } from './courses.ts';
import { type Course, call } from './network.ts';
import type { Process } from './process.ts';
import type { World } from './world.ts';

/** What a key held from a moment on. Undefined: it had expired. */
export type Version = {
  readonly number: number;
  readonly value: string | undefined;
  readonly fromMs: number;
};

export type Redis = {
  set(sessionId: string, value: string | undefined): void;
  versionsOf(sessionId: string): readonly Version[];
  portFor(process: Process): ConversationCache;
};

export type RedisWatch = {
  /** A worker reads for a round; the answer, if it comes, is told to what this gives back. */
  reading(process: Process, sessionId: string): { answered(version: Version): void; over(): void };
};

const DEADLINE_MS = 5_000;
/** Longer values are fetched once there is room for them. */
const FIRST_READ_BYTES = 600;
/** How far behind a replica may be. */
const LAGS_MS = [500, 8_000, 30_000];

/** Redis in memory, where a read may show what was there a while ago. */
export function makeRedis(world: World, watch: RedisWatch, onLag: (sessionId: string) => void): Redis {
  const keys = new Map<string, Version[]>();
  const none: Version = { number: 0, value: undefined, fromMs: Number.NEGATIVE_INFINITY };
  const versionsOf = (sessionId: string): Version[] => keys.get(sessionId) ?? [];

  function shown(sessionId: string): Version {
    const { chance, plan, clock } = world;
    const versions = versionsOf(sessionId);
    const newest = versions.at(-1) ?? none;
    if (!world.isStormy() || !chance.happens(plan.rates.lag)) return newest;
    const atMs = clock.nowMs - chance.between(0, chance.pick(LAGS_MS));
    const older = versions.findLast(({ fromMs }) => fromMs <= atMs) ?? none;
    if (older !== newest) onLag(sessionId);
    return older;
  }

  const course = (): Course =>
    courseOf(world, {
      service: 'redis',
      code: 'CacheUnavailable',
      deadlineMs: DEADLINE_MS,
      rate: world.plan.rates.call,
      isWrite: false,
    });

  return {
    versionsOf,
    set(sessionId, value) {
      const versions = versionsOf(sessionId);
      const number = versions.length + 1;
      keys.set(sessionId, [...versions, { number, value, fromMs: world.clock.nowMs }]);
      world.trace.note(`redis ${sessionId} version ${number} = ${value}`);
    },
    portFor: (process) => ({
      async read(sessionId, room) {
        const reading = watch.reading(process, sessionId);
        const get = (): Promise<Version> =>
          call(world, process, `get ${sessionId}`, course(), () => shown(sessionId));
        try {
          let version = await get();
          if (version.value && version.value.length > FIRST_READ_BYTES) {
            await room(version.value.length);
            version = await get();
          }
          reading.answered(version);
          return version.value;
        } finally {
          reading.over();
        }
      },
      probe: () => call(world, process, 'probe redis', course(), () => undefined),
      close: async () => undefined,
    }),
  };
}
