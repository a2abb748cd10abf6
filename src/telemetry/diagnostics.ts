import { type DiagLogger, DiagLogLevel, diag } from '@opentelemetry/api';
import type { Log } from '../pipeline/ports.ts';

/** An exporter that is away complains with every batch. */
const EVERY_MS = 60_000;
const LONGEST = 300;
/** Said whenever Azure Monitor starts: it asks for the machine's attributes before they are known, and again later. */
const HARMLESS = /resource attributes before async attributes settled/;

/** Has what the telemetry's own parts complain of appear in the log, once in a while. */
export function hearDiagnostics(log: Log, secrets: readonly string[]): void {
  diag.setLogger(sparingly(log, secrets), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}

/**
 * What receivers are shown and may quote, in the reason phrase of an answer, say: the headers of OTLP, and each part of Azure Monitor's
 * connection string.
 */
export function secretsShown(
  connectionString: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const headers = Object.keys(environment).filter((name) => /^OTEL_EXPORTER_OTLP_(\w+_)?HEADERS$/.test(name));
  const parts = [connectionString, ...headers.map((name) => environment[name])].flatMap(
    (text) => text?.split(/[;,]/) ?? [],
  );
  const values = parts.map((part) => part.slice(part.indexOf('=') + 1).trim());
  // Headers are written in the environment as in a URL. What is shorter is no secret, and may be a word of the complaint.
  return [...new Set(values.flatMap((value) => [value, decoded(value)]))].filter(({ length }) => length >= 8);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}

/** One line a minute at most, with how many were left out since the last, and without the secrets. */
export function sparingly(
  log: Log,
  secrets: readonly string[] = [],
  now: () => number = Date.now,
): DiagLogger {
  let saidAtMs = Number.NEGATIVE_INFINITY;
  let unsaid = 0;
  const say = (message: string, ...args: unknown[]): void => {
    if (HARMLESS.test(message)) return;
    if (now() - saidAtMs < EVERY_MS) {
      unsaid += 1;
      return;
    }
    saidAtMs = now();
    const told = [message, ...args].map(textOf).join(' ');
    const reason = secrets.reduce((text, secret) => text.replaceAll(secret, '…'), told).slice(0, LONGEST);
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
