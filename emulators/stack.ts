import { join } from 'node:path';
import { startChatCompletions } from './chat-completions/index.ts';
import { startControl } from './control.ts';
import { startCosmos } from './cosmos/index.ts';
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
};

export type Stack = Awaited<ReturnType<typeof startStack>>;

/** Starts all the stand-ins. `environment` has every variable that the worker, or any client, needs to reach them. */
export async function startStack(options: StackOptions = {}) {
  const { host = '127.0.0.1', ports = {}, latencyMs = {} } = options;
  const started: { close(): Promise<void> }[] = [];
  const open = async <T extends { close(): Promise<void> }>(
    what: string,
    starting: Promise<T>,
  ): Promise<T> => {
    try {
      const service = await starting;
      started.push(service);
      return service;
    } catch (error) {
      throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
    }
  };
  const close = async (): Promise<void> => {
    for (const service of started.splice(0).reverse()) await service.close();
  };
  try {
    const serviceBus = await open(
      'Service Bus (--service-bus-port)',
      startServiceBus({
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
    );
    const cosmos = await open(
      'Cosmos DB (--cosmos-port)',
      startCosmos({
        host,
        port: ports.cosmos ?? 0,
        latencyMs: latencyMs.cosmos ?? 0,
        database: DATABASE,
        container: CONTAINER,
        partitionKeyPath: options.partitionKeyPath ?? '/userId',
        ...(options.dataFolder ? { dataFolder: join(options.dataFolder, 'cosmos') } : {}),
      }),
    );
    const redis = await open(
      'Redis (--redis-port)',
      startRedis({
        host,
        port: ports.redis ?? 0,
        latencyMs: latencyMs.redis ?? 0,
        password: REDIS_PASSWORD,
        server: options.redisServer ?? 'auto',
      }),
    );
    const chat = await open(
      'chat completions (--chat-port)',
      startChatCompletions({ host, port: ports.chat ?? 0, latencyMs: latencyMs.chat ?? 0 }),
    );
    const services = { 'service-bus': serviceBus, cosmos, redis, 'chat-completions': chat };
    const control = await open('control (--control-port)', startControl(services, host, ports.control ?? 0));
    const environment = {
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
    return { environment, serviceBus, cosmos, redis, chat, control, close };
  } catch (error) {
    await close();
    throw error;
  }
}
