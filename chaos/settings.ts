import { makeChance } from './chance.ts';
import type { Environment } from './processes.ts';

/** The workers' own settings, varied by the seed. */
export function workerSettings(seed: number, pageLimitKb: number | undefined): Environment {
  const chance = makeChance(seed + 7);
  const concurrency = chance.pick([1, 2, 4, 10, 32]);
  const locked = chance.pick([1, 2, 4]) * concurrency;
  const pages = pageLimitKb ?? chance.pick([undefined, 64]);
  return {
    MAX_CONCURRENCY: String(concurrency),
    MAX_LOCKED_EVENTS: String(locked),
    SHUTDOWN_TIMEOUT_SECONDS: '5',
    // Longer than any event comes before its snapshot, also where Redis is away in between.
    TURN_WAIT_SECONDS: '60',
    TITLE_TIMEOUT_SECONDS: String(chance.pick([1, 3])),
    ...(pages === undefined ? {} : { PAGE_LIMIT_KB: String(pages) }),
  };
}
