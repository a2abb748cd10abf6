import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeCertificate } from './certificate.ts';
import { startChatCompletions } from './chat-completions/index.ts';
import { startControl } from './control.ts';
import { startCosmos } from './cosmos/index.ts';
import { startEntra } from './entra/index.ts';
import { startRedis } from './redis/index.ts';
import { startServiceBus } from './service-bus/index.ts';

export const TOPIC = 'message-completed';
export const SUBSCRIPTION = 'history-worker-message-completed';
const DATABASE = 'mydb';
const CONTAINER = 'mydocuments';
const REDIS_PASSWORD = 'local-redis-password';

export type StackOptions = {
  host?: string;
  /** Absent or 0: a free one. */
  ports?: { serviceBus?: number; cosmos?: number; redis?: number; chat?: number; control?: number };
  lockDurationMs?: number;
  maxDeliveryCount?: number;
  requiresSession?: boolean;
  partitionKeyPath?: string;
  latencyMs?: { serviceBus?: number; cosmos?: number; redis?: number; chat?: number };
  /** Cosmos DB's items are kept here; absent: in memory. */
  dataFolder?: string;
  redisServer?: 'auto' | 'real' | 'ours';
  /** Entra ID instead of keys, over TLS: `environment` then has no key, and this file is the authority to trust. */
  entra?: { certificateFile: string };
};

export type Stack = Awaited<ReturnType<typeof startStack>>;

/** Starts all the stand-ins. `environment` has every variable that the worker, or any client, needs to reach them. */
export async function startStack(options: StackOptions = {}) {
  const { host = '127.0.0.1', ports = {}, latencyMs = {} } = options;
  const tls = options.entra ? await makeCertificate() : undefined;
  const started: { close(): Promise<void> }[] = [];
  const open = async <T extends { close(): Promise<void> }>(
    what: string,
    starting: Promise<T>,
    portFlag?: string,
  ): Promise<T> => {
    try {
      const service = await starting;
      started.push(service);
      return service;
    } catch (error) {
      const { message, syscall } = error as NodeJS.ErrnoException;
      throw new Error(`${what}${syscall === 'listen' && portFlag ? ` (${portFlag})` : ''}: ${message}`, {
        cause: error,
      });
    }
  };
  const close = async (): Promise<void> => {
    for (const service of started.splice(0).reverse()) await service.close();
  };
  try {
    const entra = options.entra ? await open('Entra ID', startEntra({ host })) : undefined;
    // Each service takes tokens for its own audience only, as on Azure.
    const accepts = (audience: RegExp) => (token: string) =>
      entra?.verify(token) === true && audience.test(audienceOf(token));
    const secured = tls ? { tls } : {};
    const serviceBus = await open(
      'Service Bus',
      startServiceBus({
        ...secured,
        ...(entra
          ? {
              authorize: ({ type, token }) =>
                type !== 'jwt' || accepts(/^https:\/\/servicebus\.azure\.net/)(token),
            }
          : {}),
        host,
        port: ports.serviceBus ?? 0,
        latencyMs: latencyMs.serviceBus ?? 0,
        lockDurationMs: options.lockDurationMs ?? 60_000,
        maxDeliveryCount: options.maxDeliveryCount ?? 10,
        topics: [
          {
            name: TOPIC,
            subscriptions: [{ name: SUBSCRIPTION, requiresSession: options.requiresSession ?? false }],
          },
        ],
      }),
      '--service-bus-port',
    );
    const cosmos = await open(
      'Cosmos DB',
      startCosmos({
        ...secured,
        ...(entra ? { authorize: accepts(/^https:\/\/(localhost|127\.0\.0\.1)/) } : {}),
        host,
        port: ports.cosmos ?? 0,
        latencyMs: latencyMs.cosmos ?? 0,
        database: DATABASE,
        container: CONTAINER,
        partitionKeyPath: options.partitionKeyPath ?? '/userId',
        ...(options.dataFolder ? { dataFolder: join(options.dataFolder, 'cosmos') } : {}),
      }),
      '--cosmos-port',
    );
    const redis = await open(
      'Redis',
      startRedis({
        ...secured,
        ...(entra
          ? {
              authorize: (user: string, token: string) =>
                user === entra.objectId && accepts(/^https:\/\/redis\.azure\.com/)(token),
            }
          : {}),
        host,
        port: ports.redis ?? 0,
        latencyMs: latencyMs.redis ?? 0,
        password: REDIS_PASSWORD,
        server: options.redisServer ?? 'auto',
      }),
      '--redis-port',
    );
    const chat = await open(
      'chat completions',
      startChatCompletions({
        ...secured,
        ...(entra ? { authorize: accepts(/^https:\/\/cognitiveservices\.azure\.com/) } : {}),
        host,
        port: ports.chat ?? 0,
        latencyMs: latencyMs.chat ?? 0,
      }),
      '--chat-port',
    );
    const services = {
      ...{ 'service-bus': serviceBus, cosmos, redis, 'chat-completions': chat },
      ...(entra ? { entra } : {}),
    };
    const control = await open('control', startControl(services, host, ports.control ?? 0), '--control-port');
    const keys: Record<string, string> = {
      SERVICEBUS_FULLY_QUALIFIED_NAMESPACE: `localhost:${serviceBus.port}`,
      SERVICEBUS_CONNECTION_STRING: serviceBus.connectionString,
      SERVICEBUS_MESSAGE_COMPLETED_TOPIC: TOPIC,
      SERVICEBUS_MESSAGE_COMPLETED_SUBSCRIPTION: SUBSCRIPTION,
      COSMOS_ENDPOINT: cosmos.endpoint,
      COSMOS_KEY: cosmos.key,
      COSMOS_DATABASE_NAME: DATABASE,
      COSMOS_CONTAINER_NAME: CONTAINER,
      AZURE_AI_CHAT_ENDPOINT: chat.baseUrl,
      AZURE_AI_API_KEY: chat.apiKey,
      REDIS_HOST: redis.host,
      REDIS_PORT: String(redis.port),
      REDIS_SSL: 'false',
      REDIS_PASSWORD,
      EMULATOR_CONTROL_URL: control.url,
    };
    if (options.entra && tls) writeCertificate(options.entra.certificateFile, tls.cert);
    const environment = entra
      ? {
          ...Object.fromEntries(
            Object.entries(keys).filter(([name]) => !/KEY$|PASSWORD$|CONNECTION_STRING$/.test(name)),
          ),
          ...entra.environment,
          SERVICEBUS_FULLY_QUALIFIED_NAMESPACE: `localhost:${serviceBus.tlsPort}`,
          COSMOS_ENDPOINT: cosmos.tlsEndpoint!,
          AZURE_AI_CHAT_ENDPOINT: chat.tlsBaseUrl!,
          REDIS_HOST: 'localhost',
          REDIS_PORT: String(redis.tlsPort),
          REDIS_SSL: 'true',
          NODE_EXTRA_CA_CERTS: resolve(options.entra!.certificateFile),
        }
      : keys;
    return { environment, keys, entra, serviceBus, cosmos, redis, chat, control, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function writeCertificate(file: string, certificate: string): void {
  try {
    writeFileSync(file, certificate);
  } catch (error) {
    throw new Error(`with --entra: ${(error as Error).message}`, { cause: error });
  }
}

const audienceOf = (token: string): string =>
  String(
    (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { aud?: unknown }).aud,
  );
