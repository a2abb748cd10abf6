import { type DestinationStream, pino } from 'pino';
import type { LogLevel } from '../config.ts';
import type { Log, LogFields } from '../pipeline/ports.ts';
import { app, shortened } from './names.ts';

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

type Fields = Record<string, unknown>;

/** Who takes the lines of the log besides stdout. */
export type LogSink = {
  /** The trace and the event that the present line belongs to. */
  about(): Fields;
  take(level: keyof Log, severity: string, fields: Fields, message: string): void;
};

export type OpenLog = Log & {
  /** From now on each line goes there, too. */
  attach(sink: LogSink): void;
};

/** Under which names a line bears what the pipeline says of an event. */
const renamed: Readonly<Record<string, string>> = {
  userId: app.userId,
  sessionId: app.sessionId,
  chatMessageId: app.chatMessageId,
};

/** JSON lines on stdout, the levels in the seed's spelling; written at once, so that the last line of a crash is there. */
export function makeLog(
  level: LogLevel,
  service: string,
  to: DestinationStream = pino.destination({ dest: 1, sync: true }),
): OpenLog {
  const logger = pino(
    {
      level: levels[level],
      base: { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: spelled[label] ?? label }) },
    },
    to,
  );
  let sink: LogSink | undefined;
  const at = (own: keyof Log) => (fields: LogFields, message: string) => {
    if (!logger.isLevelEnabled(own)) return;
    const said: Fields = {};
    for (const [name, value] of Object.entries(fields)) {
      const id = renamed[name];
      if (id === undefined) said[name] = value;
      // What is no event has none.
      else if (value !== undefined && value !== '') said[id] = shortened(String(value));
    }
    logger[own]({ ...sink?.about(), ...said }, message);
    sink?.take(own, spelled[own]!, said, message);
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    attach(given) {
      sink = given;
    },
  };
}
