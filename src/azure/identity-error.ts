import { withoutTokens } from './quoted-tokens.ts';

/** What the identity library is told in secret; the file of a federated token holds one of those that begin with eyJ. */
const SECRET_VARIABLES = [
  'IDENTITY_HEADER',
  'MSI_SECRET',
  'AZURE_CLIENT_SECRET',
  'AZURE_CLIENT_CERTIFICATE_PASSWORD',
  'AZURE_PASSWORD',
];
/** Of ways that only a developer's machine has: that they are not there says nothing. */
const DEVELOPERS = /Visual ?Studio|Azure ?CLI|PowerShell|Developer CLI|\bBroker/i;
const ABSENT = /not available|could not be found|unavailable|not installed/i;
const LONGEST = 200;

/**
 * Why there is no token, in one line: the library's own error has a line for each way that it tried, most of which nobody meant, and
 * quotes what the identity service answered, which may quote in turn what it was asked with. The error's name is kept.
 */
export function identityError(thrown: unknown, environment: NodeJS.ProcessEnv = process.env): Error {
  const { name, message, errors } = thrown as Error & { errors?: unknown };
  const all = Array.isArray(errors) ? errors.map((error) => (error as Error).message) : [message];
  const meant = all.filter((each) => !(DEVELOPERS.test(each) && ABSENT.test(each)));
  const told = (meant.length > 0 ? meant : all).map((each) => reasonIn(each, environment));
  return Object.assign(new Error(`the identity has no token: ${told.join('; ')}`), { name });
}

function reasonIn(message: string, environment: NodeJS.ProcessEnv): string {
  const codes = new Set(message.match(/\bAADSTS\d+/g) ?? []);
  // What is quoted is not the library's own words.
  const own = message.split(/["{]/, 1)[0]!.replace(/\s*To troubleshoot, visit \S+/g, '');
  const safe = SECRET_VARIABLES.reduce(
    (text, variable) => text.replaceAll(environment[variable] || '\0', '…'),
    withoutTokens(own),
  );
  const line = safe.replace(/\s+/g, ' ').trim();
  const short = line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
  const left = [...codes].filter((code) => !short.includes(code));
  return left.length > 0 ? `${short} (${left.join(', ')})` : short;
}
