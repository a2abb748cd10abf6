import { pino } from 'pino';
import type { Log } from '../pipeline/ports.ts';

const levels = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARNING: 'warn',
  ERROR: 'error',
  CRITICAL: 'fatal',
} as const;
const spelled: Record<string, string> = Object.fromEntries(
  Object.entries(levels).map(([seed, own]) => [own, seed]),
);

/** JSON lines on stdout, the levels in the seed's spelling; written at once, so that the last line of a crash is there. */
export function makeLog(level: keyof typeof levels, service: string): Log {
  return pino(
    {
      level: levels[level],
      base: { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: spelled[label] ?? label }) },
    },
    pino.destination({ dest: 1, sync: true }),
  );
}
