import { makeChance } from './chance.ts';
import type { Environment } from './processes.ts';

/** The workers' own settings, varied by the seed. */
export function workerSettings(seed: number, seconds: number, pageLimitKb: number | undefined): Environment {
  const chance = makeChance(seed + 7);
  const concurrency = chance.pick([1, 2, 4, 10, 32]);
  const locked = chance.pick([1, 2, 4]) * concurrency;
  const pages = pageLimitKb ?? chance.pick([undefined, 64]);
  return {
    MAX_CONCURRENCY: String(concurrency),
    MAX_LOCKED_EVENTS: String(locked),
    SHUTDOWN_TIMEOUT_SECONDS: '5',
    HEALTH_PORT: 'off',
    // Longer than any event comes before its snapshot, also where Redis is away in between: until all faults are over.
    TURN_WAIT_SECONDS: String(Math.min(60, seconds + 5)),
    TITLE_TIMEOUT_SECONDS: String(chance.pick([1, 3])),
    ...(pages === undefined ? {} : { PAGE_LIMIT_KB: String(pages) }),
  };
}
