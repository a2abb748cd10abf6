import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from './config.ts';

const seed = {
  SERVICEBUS_FULLY_QUALIFIED_NAMESPACE: 'your-servicebus.servicebus.windows.net',
  SERVICEBUS_MESSAGE_COMPLETED_TOPIC: 'message-completed',
  SERVICEBUS_MESSAGE_COMPLETED_SUBSCRIPTION: 'history-worker-message-completed',
  COSMOS_ENDPOINT: 'https://your-cosmos.documents.azure.com:443/',
  COSMOS_DATABASE_NAME: 'mydb',
  COSMOS_CONTAINER_NAME: 'mydocuments',
  AZURE_AI_CHAT_ENDPOINT: 'https://your-ai-service.openai.azure.com/openai/deployments/gpt-4',
  REDIS_HOST: 'your-redis.redis.azure.net',
  REDIS_PORT: '10000',
  REDIS_SSL: 'true',
  LOG_LEVEL: 'INFO',
  MAX_CONCURRENCY: '10',
  APPLICATIONINSIGHTS_CONNECTION_STRING: 'InstrumentationKey=x',
  OTEL_SERVICE_NAME: 'history-worker',
};

function faultsOf(environment: Record<string, string | undefined>): readonly string[] {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

describe('configuration', () => {
  test("the seed's own variables are enough, and mean Entra ID for all four services", () => {
    const config = readConfig(seed);
    expect(config.cosmos.access).toEqual({ kind: 'entra' });
    expect(config.redis).toMatchObject({ port: 10000, tls: true, access: { kind: 'entra' } });
    expect(config.titles.access).toEqual({ kind: 'entra' });
    expect(config.maxLockedEvents).toBe(40);
    expect(config.turnWaitMs).toBe(30_000);
    expect(Object.isFrozen(config.redis)).toBe(true);
  });

  test('every fault is reported at once, by variable name', () => {
    const faults = faultsOf({
      ...seed,
      COSMOS_ENDPOINT: 'cosmos',
      REDIS_PORT: '99999',
      MAX_CONCURRENCY: 'ten',
      LOG_LEVEL: 'LOUD',
      REDIS_HOST: undefined,
    });
    expect(faults.map((fault) => fault.split(' ')[0]).sort()).toEqual([
      'COSMOS_ENDPOINT',
      'LOG_LEVEL',
      'MAX_CONCURRENCY',
      'REDIS_HOST',
      'REDIS_PORT',
    ]);
  });

  test('an empty variable counts as absent', () => {
    expect(faultsOf({ ...seed, COSMOS_DATABASE_NAME: ' ' })).toEqual([
      expect.stringMatching(/^COSMOS_DATABASE_NAME is missing/),
    ]);
    expect(readConfig({ ...seed, MAX_CONCURRENCY: '' }).maxConcurrency).toBe(10);
  });

  test('a namespace or a connection string is needed', () => {
    expect(faultsOf({ ...seed, SERVICEBUS_FULLY_QUALIFIED_NAMESPACE: undefined })).toEqual([
      expect.stringMatching(/^SERVICEBUS_FULLY_QUALIFIED_NAMESPACE is missing/),
    ]);
    const local = {
      ...seed,
      SERVICEBUS_FULLY_QUALIFIED_NAMESPACE: undefined,
      SERVICEBUS_CONNECTION_STRING:
        'Endpoint=sb://localhost;SharedAccessKeyName=Root;SharedAccessKey=k;UseDevelopmentEmulator=true',
    };
    expect(faultsOf(local)).toEqual([]);
  });

  test('a connection string that a shell has cut at its semicolon is told by what it lacks', () => {
    const cut = { ...seed, SERVICEBUS_CONNECTION_STRING: 'Endpoint=sb://localhost:5672' };
    expect(faultsOf(cut)).toEqual([
      'SERVICEBUS_CONNECTION_STRING has no SharedAccessKeyName=… and no SharedAccessKey=… part, expected a whole Service Bus connection string; in a shell it needs quotes',
    ]);
    const signed = 'Endpoint=sb://localhost/;SharedAccessSignature=SharedAccessSignature sr=x&sig=y';
    expect(faultsOf({ ...seed, SERVICEBUS_CONNECTION_STRING: signed })).toEqual([]);
  });

  test.each([
    ['endpoint=sb://localhost;SharedAccessKeyName=k;SharedAccessKey=hunter2', 'no Endpoint='],
    ['Endpoint=sb://;SharedAccessKeyName=k;SharedAccessKey=hunter2', 'no Endpoint='],
    ['Endpoint=sb://localhost:port;SharedAccessKeyName=k;SharedAccessKey=hunter2', 'no Endpoint='],
    ['Endpoint=sb://localhost;sharedaccesskeyname=k;SharedAccessKey=hunter2', 'no SharedAccessKeyName='],
    ['Endpoint=sb://localhost;SharedAccessKeyName=k;SharedAccessKey=x;hunter2', 'a part without a name'],
    ['Endpoint=sb://localhost;SharedAccessKeyName=k;SharedAccessKey=x;=hunter2', 'a part without a name'],
  ])('a connection string that the client does not take is told, %#', (value, told) => {
    const faults = faultsOf({ ...seed, SERVICEBUS_CONNECTION_STRING: value });
    expect(faults).toEqual([expect.stringContaining(`SERVICEBUS_CONNECTION_STRING has ${told}`)]);
    expect(faults.join()).not.toContain('hunter2');
  });

  test('a connection string of another entity than the topic is told at once', () => {
    const of = (entity: string) => ({
      ...seed,
      SERVICEBUS_CONNECTION_STRING: `Endpoint=sb://localhost;SharedAccessKeyName=k;SharedAccessKey=hunter2;EntityPath=${entity}`,
    });
    expect(faultsOf(of('orders'))).toEqual([
      expect.stringMatching(/^SERVICEBUS_CONNECTION_STRING has an EntityPath that is not/),
    ]);
    expect(faultsOf(of('message-completed'))).toEqual([]);
    expect(faultsOf(of(''))).toEqual([]);
  });

  test.each(['COSMOS_DATABASE_NAME', 'COSMOS_CONTAINER_NAME'])(
    '%s has no characters that the client refuses',
    (name) => {
      for (const illegal of ['/', '\\', '?', '#'])
        expect(faultsOf({ ...seed, [name]: `dbs${illegal}mydb` })).toEqual([
          expect.stringContaining(`${name} contains "${illegal}"`),
        ]);
    },
  );

  test('a secret never appears in a fault', () => {
    const faults = faultsOf({
      ...seed,
      SERVICEBUS_CONNECTION_STRING: 'SharedAccessKey=hunter2',
      COSMOS_ENDPOINT: 'https://u:hunter2@x/',
    });
    expect(faults).toHaveLength(2);
    expect(faults.join()).not.toContain('hunter2');
  });

  test.each([
    ['REDIS_HOST', 'redis://:hunter2@h:6379'],
    ['AZURE_AI_CHAT_ENDPOINT', 'sk-hunter2'],
    ['COSMOS_ENDPOINT', 'hunter2=='],
    ['SERVICEBUS_FULLY_QUALIFIED_NAMESPACE', 'Endpoint=sb://x/;SharedAccessKey=hunter2'],
  ])('a secret pasted into %s is not shown', (name, value) => {
    const faults = faultsOf({ ...seed, [name]: value });
    expect(faults).toEqual([expect.stringContaining(name)]);
    expect(faults.join()).not.toContain('hunter2');
  });

  test('a credential is sent over plain HTTP to loopback only', () => {
    expect(
      faultsOf({ ...seed, AZURE_AI_CHAT_ENDPOINT: 'HTTP://models.example/openai/deployments/x' }),
    ).toHaveLength(1);
    expect(faultsOf({ ...seed, COSMOS_ENDPOINT: 'HTTP://cosmos.example/' })).toHaveLength(1);
    expect(
      faultsOf({ ...seed, AZURE_AI_CHAT_ENDPOINT: 'http://models.example/openai/deployments/x' }),
    ).toHaveLength(1);
    expect(
      faultsOf({ ...seed, AZURE_AI_CHAT_ENDPOINT: 'http://127.0.0.1:8080/openai/deployments/x' }),
    ).toEqual([]);
    expect(faultsOf({ ...seed, COSMOS_ENDPOINT: 'http://cosmos.example/', COSMOS_KEY: 'eA==' })).toHaveLength(
      1,
    );
    expect(faultsOf({ ...seed, REDIS_SSL: 'false' })).toEqual([
      expect.stringMatching(/^REDIS_SSL must be true/),
    ]);
  });

  test('the v1 form needs a model, and the retired form is refused by name', () => {
    expect(faultsOf({ ...seed, AZURE_AI_CHAT_ENDPOINT: 'https://x.openai.azure.com/openai/v1/' })).toEqual([
      expect.stringMatching(/^AZURE_AI_CHAT_MODEL is missing/),
    ]);
    expect(faultsOf({ ...seed, AZURE_AI_CHAT_ENDPOINT: 'https://x.services.ai.azure.com/models' })).toEqual([
      expect.stringContaining('retired'),
    ]);
  });

  test('fewer locked events than conversations make no sense', () => {
    expect(faultsOf({ ...seed, MAX_LOCKED_EVENTS: '5' })).toEqual([
      expect.stringMatching(/^MAX_LOCKED_EVENTS is 5/),
    ]);
  });
});
