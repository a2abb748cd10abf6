import type { RedisFaults } from './faults.ts';

const READS_OF_ONE_KEY = new Set(['GET', 'GETRANGE', 'STRLEN']);
const READS_OF_MANY_KEYS = new Set(['MGET', 'EXISTS']);
const FAILED_KEY = Buffer.from('-ERR the stand-in was told to fail this key\r\n');
// What redis-server answers to everything until its data is in memory.
const LOADING = Buffer.from('-LOADING Redis is loading the dataset in memory\r\n');

export type FailedReads = {
  /** The reply that the command gets instead of the server's, if a fault concerns it. Called once a command: it counts. */
  replyTo(name: string, args: Buffer[]): Buffer | undefined;
  /** Counts from one again. */
  restart(): void;
};

/** Decides which reads fail, by `failKeys` and `failEvery`, for all connections together. */
export function makeFailedReads(faults: () => RedisFaults): FailedReads {
  let reads = 0;
  return {
    replyTo(name, args) {
      const { failKeys, failEvery } = faults();
      const keys = READS_OF_ONE_KEY.has(name)
        ? args.slice(1, 2)
        : READS_OF_MANY_KEYS.has(name)
          ? args.slice(1)
          : undefined;
      if (!keys) return undefined;
      reads += 1;
      if (failKeys.length > 0 && keys.some((key) => failKeys.includes(key.toString()))) return FAILED_KEY;
      return failEvery !== null && reads % failEvery === 0 ? LOADING : undefined;
    },
    restart() {
      reads = 0;
    },
  };
}
