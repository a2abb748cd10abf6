import { lastOf } from '../azure/last-error.ts';

/** What an error says, in one line and not at length. */
export function describeError(thrown: unknown): string {
  const error = lastOf(thrown);
  const { code, name, message } = error as { code?: unknown; name?: string; message?: string };
  const first = String(message ?? error)
    .split('\n', 1)[0]!
    // What follows helps the service's own people only.
    .replace(/\s*\(?(?:TrackingId|ActivityId|Reference):.*$/i, '')
    .trim();
  const text = first.length > 160 ? `${first.slice(0, 160)}…` : first;
  const kind = typeof code === 'string' || typeof code === 'number' ? String(code) : (name ?? 'Error');
  return text.includes(kind) || kind === 'Error' ? text : `${kind}: ${text}`;
}

/** The errors that are told as one: several services may be away, or one at each of several attempts. */
export const reasonsOf = (thrown: unknown): readonly unknown[] =>
  thrown instanceof AggregateError ? thrown.errors : [thrown];

/** What all of them say, each thing once. */
export const describeErrors = (thrown: unknown): string =>
  [...new Set(reasonsOf(thrown).map(describeError))].join('; ');

/** All of an error and its causes, to be searched. */
export function wholeText(error: unknown): string {
  const parts: string[] = [];
  for (let at = lastOf(error), depth = 0; at && depth < 6; depth += 1) {
    const { code, name, message, cause } = at as Record<string, unknown>;
    parts.push(String(code ?? ''), String(name ?? ''), String(message ?? ''));
    at = lastOf(cause);
  }
  return parts.join(' ');
}

/**
 * Whether it is a mistake of ours rather than a service's trouble: worth its stack. What the clients throw often
 * has neither a code nor a name of its own.
 */
export const isOurs = (error: unknown): boolean =>
  error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;

export type Trouble = 'network' | 'token' | 'other';

/**
 * Whose trouble it is that a service could not be asked: the way to it, and the token for it, have lines of their own, which say
 * how to mend them.
 */
export function troubleOf(error: unknown): Trouble {
  const text = wholeText(error);
  if (
    /CredentialUnavailable|AuthenticationError|AuthenticationRequired|AADSTS|from .apiKey. function/.test(
      text,
    )
  )
    return 'token';
  if (
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EPIPE|CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO_|socket hang up|Socket closed|ServiceCommunicationProblem|getaddrinfo|Failed to connect|APIConnection/.test(
      text,
    )
  )
    return 'network';
  return 'other';
}

/** `service`: whose lines of the report they are. */
export const seeAbove = (trouble: Trouble, service: string): string | undefined =>
  trouble === 'network'
    ? `see the lines "name" and "connection" of ${service}`
    : trouble === 'token'
      ? 'see "identity"'
      : undefined;
