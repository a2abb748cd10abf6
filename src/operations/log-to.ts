import type { Log } from '../pipeline/ports.ts';
import { plain } from './plain-text.ts';

/** The worker's warnings and errors as lines for a person. Those about one event are told in the end, counted. */
export function logTo(say: (line: string) => void): Log {
  const line = ({ code, reason, dependency }: Record<string, unknown>, message: string): void => {
    const parts = [code, dependency, message, reason].filter((part) => part !== undefined);
    say(plain(parts.map(String).join(': ')));
  };
  return {
    debug: () => undefined,
    info: () => undefined,
    warn: (fields, message) => {
      if (fields.sessionId === undefined) line(fields, message);
    },
    error: line,
  };
}
