/** Says what is wrong with a variable's value, as the end of a sentence that begins with the variable's name; undefined: nothing is. */
export type SettingCheck = (value: string) => string | undefined;

/** One of a few words, in whatever case. */
export const oneOf =
  (...allowed: string[]): SettingCheck =>
  (value) =>
    allowed.includes(value.toLowerCase())
      ? undefined
      : `is ${shown(value)}, expected one of ${allowed.join(', ')}`;

const TRUE = ['true', '1', 'yes', 'on'];

/** Yes or no, however that is said. */
export const truth: SettingCheck = oneOf('true', 'false', '1', '0', 'yes', 'no', 'on', 'off');

/** Whether a value that `truth` lets pass is yes. */
export const isTrue = (value: string): boolean => TRUE.includes(value.toLowerCase());

/** A whole number. */
export const integer = (min: number, max: number): SettingCheck =>
  numberAs(/^\d+$/, 'a whole number', min, max);

/** Seconds, or parts of one. */
export const seconds = (min: number, max: number): SettingCheck =>
  numberAs(/^\d+(\.\d+)?$/, 'seconds', min, max);

const numberAs =
  (pattern: RegExp, kind: string, min: number, max: number): SettingCheck =>
  (value) =>
    pattern.test(value) && Number(value) >= min && Number(value) <= max
      ? undefined
      : `is ${shown(value)}, expected ${kind} from ${min} to ${max}`;

/** A port, 0 for any free one, or none. */
export const portOrOff: SettingCheck = (value) => {
  const fault = value.toLowerCase() === 'off' ? undefined : integer(0, 65_535)(value);
  return fault && `${fault}, or off`;
};

/** A token that nobody guesses. */
export const longEnough: SettingCheck = (value) =>
  value.length >= 16 ? undefined : `has ${value.length} characters, expected at least 16`;

/** An address of HTTP, without a credential in it. */
export const url: SettingCheck = (value) => {
  const parsed = URL.canParse(value) ? new URL(value) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol))
    return `is no URL (${sizeOf(value)}), expected one that begins with https://`;
  return parsed.username || parsed.password
    ? 'contains a user name or password, expected none in the URL'
    : undefined;
};

/** Either form of a title model's endpoint. */
export const chatEndpoint: SettingCheck = (value) => {
  const fault = url(value);
  if (fault) return fault;
  const path = new URL(value).pathname.replace(/\/+$/, '');
  if (/\/openai\/deployments\/[^/]+$/.test(path) || path.endsWith('/openai/v1')) return undefined;
  const retired = path.endsWith('/models') ? ' (the /models form was retired in August 2026)' : '';
  return `has the path ${shown(path)}${retired}, expected …/openai/deployments/NAME or …/openai/v1/`;
};

/** A host, perhaps with its port. */
export const hostname: SettingCheck = (value) =>
  /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(:\d+)?$/.test(value)
    ? undefined
    : `is no host name (${sizeOf(value)}), expected one without a scheme or path`;

/** A host alone, whose port another variable says. */
export const hostOf =
  (port: string): SettingCheck =>
  (value) =>
    /^([A-Za-z0-9.-]+|[0-9a-fA-F:]+)$/.test(value)
      ? undefined
      : `is no host name (${sizeOf(value)}), expected one alone; the port is ${port}`;

/**
 * Its parts are told by name: a shell that reads it unquoted from a file cuts it at the first semicolon. The client throws for
 * what is wrong here without a code, and knows the names as they are written here only: it would look like an outage.
 */
export const connectionString: SettingCheck = (value) => {
  const parts = new Map<string, string>();
  let isMalformed = false;
  for (const part of value.split(';')) {
    const at = part.indexOf('=');
    const name = part.slice(0, at).trim();
    if (at >= 0 && name !== '') parts.set(name, part.slice(at + 1).trim());
    else isMalformed ||= part.trim() !== '';
  }
  if (!/^sb:\/\/(\[[\da-f:]+\]|[\w.-]+)(:\d{1,5})?(\/|$)/i.test(parts.get('Endpoint') ?? ''))
    return 'has no Endpoint=sb://… part with a host, expected a Service Bus connection string';
  if (isMalformed) return 'has a part without a name and =, expected a whole Service Bus connection string';
  if (parts.get('SharedAccessSignature')) return undefined;
  const missing = ['SharedAccessKeyName', 'SharedAccessKey'].filter((name) => !parts.get(name));
  return missing.length > 0
    ? `has no ${missing.map((part) => `${part}=…`).join(' and no ')} part, expected a whole Service Bus connection string; in a shell it needs quotes`
    : undefined;
};

/** The client throws for these before anything is sent, and without a code: it would look like an outage. */
export const cosmosName: SettingCheck = (value) => {
  const illegal = /[/\\?#]/.exec(value);
  return illegal
    ? `contains "${illegal[0]}", expected none of / \\ ? # (not allowed in a name of Cosmos DB)`
    : undefined;
};

/** Where a connection string, a URL with a password or a key may have been pasted, no part of it is shown. */
const sizeOf = (value: string): string => `${value.length} characters`;

/** Values are cut, so that a pasted secret or a runaway value does not fill a log. */
const shown = (value: string): string => JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
