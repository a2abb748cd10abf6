import { isLoopback } from './loopback.ts';
import { isTrue } from './setting-checks.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Values = ReadonlyMap<string, string | undefined>;

/**
 * What breaks the rules that tie several variables together, as sentences that begin with a variable's name. `values` are those that pass
 * by themselves: a variable that is faulty by itself is not blamed twice.
 */
export function ruleFaults(environment: Environment, values: Values): string[] {
  const faults: string[] = [];
  const given = (name: string) => Boolean(environment[name]?.trim());
  if (!given('SERVICEBUS_FULLY_QUALIFIED_NAMESPACE') && !given('SERVICEBUS_CONNECTION_STRING'))
    faults.push(
      'SERVICEBUS_FULLY_QUALIFIED_NAMESPACE is missing: the namespace (NAME.servicebus.windows.net), or for local work SERVICEBUS_CONNECTION_STRING',
    );
  const entity = entityOf(values.get('SERVICEBUS_CONNECTION_STRING') ?? '');
  if (entity !== undefined && entity !== values.get('SERVICEBUS_MESSAGE_COMPLETED_TOPIC'))
    faults.push(
      'SERVICEBUS_CONNECTION_STRING has an EntityPath that is not SERVICEBUS_MESSAGE_COMPLETED_TOPIC, expected none, or the topic',
    );
  const chat = values.get('AZURE_AI_CHAT_ENDPOINT');
  if (chat && isV1(chat) && !given('AZURE_AI_CHAT_MODEL'))
    faults.push(
      'AZURE_AI_CHAT_MODEL is missing: an endpoint that ends in /openai/v1/ needs the deployment name',
    );
  if (chat && isRemotePlain(chat))
    faults.push(
      'AZURE_AI_CHAT_ENDPOINT must begin with https://: a credential is sent over plain HTTP only to loopback',
    );
  const cosmos = values.get('COSMOS_ENDPOINT');
  if (cosmos && isPlain(cosmos) && !given('COSMOS_KEY'))
    faults.push(
      'COSMOS_ENDPOINT must begin with https:// unless COSMOS_KEY is set: tokens are sent over TLS only',
    );
  else if (cosmos && isRemotePlain(cosmos))
    faults.push('COSMOS_ENDPOINT must begin with https://: plain HTTP is for loopback only');
  const tls = values.get('REDIS_SSL');
  if (tls && !isTrue(tls) && !given('REDIS_PASSWORD') && !isLoopback(values.get('REDIS_HOST') ?? ''))
    faults.push('REDIS_SSL must be true with Entra ID: a token is never sent over a plain connection');
  const locked = Number(values.get('MAX_LOCKED_EVENTS') ?? Number.NaN);
  if (locked < Number(values.get('MAX_CONCURRENCY') ?? 0))
    faults.push(
      `MAX_LOCKED_EVENTS is ${locked}, expected at least MAX_CONCURRENCY (${values.get('MAX_CONCURRENCY')})`,
    );
  if (isTrue(values.get('CONSOLE_ENABLED') ?? 'false')) faults.push(...consoleFaults(values, given));
  return faults;
}

/** The console shows conversations: what is open to the network asks who is there. */
function consoleFaults(values: Values, given: (name: string) => boolean): string[] {
  if (values.get('HEALTH_PORT')?.toLowerCase() === 'off')
    return ['CONSOLE_ENABLED is true, but HEALTH_PORT is off: the console is served on the health port'];
  const host = values.get('HEALTH_HOST');
  if (host === undefined || isLoopback(host) || given('CONSOLE_TOKEN')) return [];
  return [
    `CONSOLE_TOKEN is missing: the console shows conversations, and HEALTH_HOST is ${host}, where others can reach it; set a token of at least 16 characters, or HEALTH_HOST to 127.0.0.1`,
  ];
}

/** The one entity that a connection string is for; the client refuses to open another with it. */
const entityOf = (connectionString: string): string | undefined =>
  /(?:^|;)\s*EntityPath\s*=\s*([^;]+)/.exec(connectionString)?.[1]?.trim();

const isV1 = (url: string): boolean => new URL(url).pathname.replace(/\/+$/, '').endsWith('/openai/v1');
const isPlain = (url: string): boolean => new URL(url).protocol === 'http:';
const isRemotePlain = (url: string): boolean => isPlain(url) && !isLoopback(new URL(url).hostname);
