import { type DiagLogger, DiagLogLevel, diag } from '@opentelemetry/api';
import type { Log } from '../pipeline/ports.ts';

/** An exporter that is away complains with every batch. */
const EVERY_MS = 60_000;
const LONGEST = 300;
/** Said whenever Azure Monitor starts: it asks for the machine's attributes before they are known, and again later. */
const HARMLESS = /resource attributes before async attributes settled/;

/** Has what the telemetry's own parts complain of appear in the log, once in a while. */
export function hearDiagnostics(log: Log): void {
  diag.setLogger(sparingly(log), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}

/** One line a minute at most, with how many were left out since the last. */
export function sparingly(log: Log, now: () => number = Date.now): DiagLogger {
  let saidAtMs = Number.NEGATIVE_INFINITY;
  let unsaid = 0;
  const say = (message: string, ...args: unknown[]): void => {
    if (HARMLESS.test(message)) return;
    if (now() - saidAtMs < EVERY_MS) {
      unsaid += 1;
      return;
    }
    saidAtMs = now();
    const reason = [message, ...args].map(textOf).join(' ').slice(0, LONGEST);
    log.warn({ code: 'TelemetryFailed', reason, unsaid }, 'telemetry is not delivered as it should be');
    unsaid = 0;
  };
  const nothing = (): void => undefined;
  return { error: say, warn: say, info: nothing, debug: nothing, verbose: nothing };
}

function textOf(part: unknown): string {
  if (part instanceof Error) return part.message || part.name;
  if (typeof part !== 'string') return JSON.stringify(part) ?? '';
  // Errors come as JSON with their stack in front.
  return part.startsWith('{"stack"') ? ((JSON.parse(part) as { message?: string }).message ?? part) : part;
}
