import { isUtf8 } from 'node:buffer';
import type { TokenCredential } from '@azure/identity';
import { createClient, createCluster, ErrorReply, RESP_TYPES, type RedisClientOptions } from '@redis/client';
import type { Config } from '../config.ts';
import { Failure } from '../pipeline/failures.ts';
import type { ConversationCache, Log } from '../pipeline/ports.ts';
import { unwatched, type Watch } from '../pipeline/watch.ts';
import { withDeadline } from './deadline.ts';

export const READ_DEADLINE_MS = 5_000;
/** Of the first connection, a token included; the next attempt begins anew. */
const OPEN_DEADLINE_MS = 10_000;

/**
 * Connects to Redis, a single node or a cluster: it finds out by itself. Only ever reads.
 * @throws Failure CacheUnavailable when the first connection cannot be made
 */
export async function openRedis(
  config: Config,
  credential: TokenCredential,
  log: Log,
  watch: Watch = unwatched,
): Promise<ConversationCache> {
  const connected = await connectRedis(config, credential, log);
  const asBytes = { [RESP_TYPES.BLOB_STRING]: Buffer };
  const { single, cluster } = connected;
  const close = (): void => (cluster ?? single).destroy();
  return makeCache(cluster?.withTypeMapping(asBytes) ?? single!.withTypeMapping(asBytes), close, watch);
}

type Connected =
  | { single: ReturnType<typeof makeSingle>['client']; cluster?: undefined }
  | { cluster: ReturnType<typeof makeCluster>['client']; single?: undefined };

/** The client of a single node, or that of a cluster. @throws Failure CacheUnavailable when the first connection cannot be made */
export async function connectRedis(
  config: Config,
  credential: TokenCredential,
  log: Log,
): Promise<Connected> {
  const options = await clientOptions(config, credential, log);
  const { client: single, lastError } = makeSingle(options, log);
  try {
    await withDeadline(OPEN_DEADLINE_MS, 'the connection to Redis', () => single.connect());
    if (!(await withDeadline(READ_DEADLINE_MS, 'Redis', () => isCluster(single)))) return { single };
  } catch (error) {
    single.destroy();
    throw new Failure(
      'CacheUnavailable',
      `Redis at ${config.redis.host}:${config.redis.port}: ${lastError() ?? told(error)}`,
      { cause: error },
    );
  }
  single.destroy();
  const { client: cluster, lastError: lastOfCluster } = makeCluster(config, options, log);
  try {
    await withDeadline(OPEN_DEADLINE_MS, 'the connection to the Redis cluster', () => cluster.connect());
    return { cluster };
  } catch (error) {
    cluster.destroy();
    throw new Failure(
      'CacheUnavailable',
      `the Redis cluster at ${config.redis.host}:${config.redis.port}: ${lastOfCluster() ?? told(error)}`,
      { cause: error },
    );
  }
}

type Options = Awaited<ReturnType<typeof clientOptions>>;

function makeSingle(options: Options, log: Log) {
  const client = createClient(options);
  return { client, lastError: tellErrors(client, log) };
}

function makeCluster(config: Config, options: Options, log: Log) {
  const { socket: _, ...defaults } = options;
  const client = createCluster({
    rootNodes: [options],
    // Nodes are announced by address; the certificate names the host (node-redis issue 2903).
    defaults: { ...defaults, socket: { ...options.socket, servername: config.redis.host } as never },
  });
  return { client, lastError: tellErrors(client, log) };
}

/**
 * Without a listener the client's errors would end the process; they surface through the calls as well, but for those of connecting, which
 * it tries for ever. Answers how to ask for the last one.
 */
function tellErrors(
  client: { on(event: 'error', listener: (error: Error) => void): unknown },
  log: Log,
): () => string | undefined {
  let last: string | undefined;
  client.on('error', (error) => {
    last = told(error);
    log.warn({ code: 'CacheUnavailable', reason: last }, 'Redis connection');
  });
  return () => last;
}

/**
 * Asked so, and not by INFO, which the access policies of Azure deny (it is among the dangerous commands). A node that is of no cluster
 * refuses the question.
 */
export async function isCluster(client: { clusterInfo(): Promise<unknown> }): Promise<boolean> {
  try {
    await client.clusterInfo();
    return true;
  } catch (error) {
    if (error instanceof ErrorReply) return false;
    throw error;
  }
}

type Reader = {
  get(key: string): Promise<Buffer | null>;
  getRange(key: string, start: number, end: number): Promise<Buffer | null>;
  strLen(key: string): Promise<number>;
};

/** What is fetched without asking for room first: nearly every conversation, whole, in one round trip. */
const FIRST_READ_BYTES = 262_144;

function makeCache(client: Reader, close: () => void, watch: Watch): ConversationCache {
  async function ask<T>(operation: string, command: () => Promise<T>): Promise<T> {
    return watch.call('redis', operation, async (note) => {
      try {
        const reply = await withDeadline(READ_DEADLINE_MS, 'Redis', command);
        if (reply instanceof Buffer) note({ bytes: reply.length });
        return reply;
      } catch (error) {
        if (error instanceof ErrorReply) note({ status: error.message.split(' ', 1)[0]! });
        throw cacheFailure(error);
      }
    });
  }

  return {
    async read(sessionId, room) {
      const key = `session:${sessionId}`;
      const beginning = await ask('getrange', () => client.getRange(key, 0, FIRST_READ_BYTES - 1));
      const bytes = beginning?.length ?? 0;
      if (bytes > 0 && bytes < FIRST_READ_BYTES) return textOf(beginning!);
      // No range tells an empty value from none; a long value is asked for when there is room for it.
      if (bytes > 0) await room(await ask('strlen', () => client.strLen(key)));
      const value = await ask('get', () => client.get(key));
      return value === null ? undefined : textOf(value);
    },
    async probe() {
      await ask('probe', () => client.strLen('session:~probe'));
    },
    async close() {
      close();
    },
  };
}

/** JSON is UTF-8. Of another charset, what cannot be read would be stored as U+FFFD, and the words lost. @throws Failure */
function textOf(value: Buffer): string {
  if (isUtf8(value)) return value.toString('utf8');
  throw new Failure('InvalidConversation', `the value is ${value.length} bytes that are no UTF-8 text`);
}

/**
 * What may be told of an error. A server quotes the command that it refuses, which may be the one with the password: of its words
 * those count that stand before what it quotes.
 */
function told(error: unknown): string {
  const { message } = error as Error;
  return error instanceof ErrorReply ? message.split(/[,:;'"`‘]/, 1)[0]!.trim() : message;
}

/** Which failure an error of the Redis client is. */
export function cacheFailure(error: unknown): Failure {
  return error instanceof ErrorReply && error.message.startsWith('WRONGTYPE')
    ? new Failure('InvalidConversation', 'the key holds another type, expected a string', { cause: error })
    : new Failure('CacheUnavailable', `Redis: ${told(error)}`, { cause: error });
}

/** How the worker connects; it goes on trying for ever. */
export async function clientOptions(config: Config, credential: TokenCredential, log: Log) {
  const { host, port, tls, username, access } = config.redis;
  return {
    ...(access.kind === 'key'
      ? { password: access.key, ...(username === undefined ? {} : { username }) }
      : { credentialsProvider: await entraProvider(credential, log) }),
    socket: {
      host,
      port,
      ...(tls ? { tls: true as const } : {}),
      connectTimeout: 5_000,
      socketTimeout: 10_000,
      // The default gives up for good after a socket time-out.
      reconnectStrategy: (retries: number) =>
        Math.min(2_000, 50 * 2 ** Math.min(retries, 10)) * (0.75 + Math.random() / 4),
    },
    // Keeps an idle connection from running into socketTimeout, and finds a hung server.
    pingInterval: 3_000,
    // A command is not kept for better times: the event is held instead, and the gate hears of it.
    disableOfflineQueue: true,
  } satisfies RedisClientOptions;
}

async function entraProvider(credential: TokenCredential, log: Log) {
  const { EntraIdCredentialsProviderFactory, REDIS_SCOPE_DEFAULT } = await import('@redis/entraid');
  return EntraIdCredentialsProviderFactory.createForDefaultAzureCredential({
    credential,
    scopes: REDIS_SCOPE_DEFAULT,
    tokenManagerConfig: {
      expirationRefreshRatio: 0.8,
      // Without `retry` and `isRetryable` one failed request ends the renewal.
      retry: {
        maxAttempts: 20,
        initialDelayMs: 500,
        maxDelayMs: 30_000,
        backoffMultiplier: 2,
        isRetryable: () => true,
      },
    },
    onReAuthenticationError: (error) =>
      log.warn({ code: 'CacheUnavailable', reason: told(error) }, 'Redis token renewal'),
    onRetryableError: (reason) => log.debug({ reason }, 'Redis token renewal is tried again'),
  });
}
