import type { Log } from '../pipeline/ports.ts';
import { plain } from './plain-text.ts';

/** What is said again and again in an outage is told so often. */
const AGAIN_MS = 60_000;

/** The worker's warnings and errors as lines for a person. Those about one event are told in the end, counted. */
export function logTo(say: (line: string) => void, now: () => number = () => performance.now()): Log {
  const saidMs = new Map<string, number>();
  const line = ({ code, reason, dependency }: Record<string, unknown>, message: string): void => {
    const parts = [code, dependency, message, reason].filter((part) => part !== undefined);
    const text = plain(parts.map(String).join(': '));
    const before = saidMs.get(text);
    if (before !== undefined && now() - before < AGAIN_MS) return;
    saidMs.set(text, now());
    say(text);
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
