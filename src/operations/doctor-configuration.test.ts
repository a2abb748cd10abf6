import { expect, test } from 'vitest';
import { readConfig } from '../config.ts';
import { configurationChecks } from './doctor-configuration.ts';

const environment = {
  SERVICEBUS_FULLY_QUALIFIED_NAMESPACE: 'bus.servicebus.windows.net',
  COSMOS_ENDPOINT: 'https://cosmos.documents.azure.com:443/',
  COSMOS_DATABASE_NAME: 'mydb',
  COSMOS_CONTAINER_NAME: 'mydocuments',
  AZURE_AI_CHAT_ENDPOINT: 'https://ai.openai.azure.com/openai/deployments/gpt-4',
  REDIS_HOST: 'redis.redis.azure.net',
};

function keysOf(more: Record<string, string>) {
  const given = { ...environment, ...more };
  return configurationChecks(readConfig(given), given)
    .find(({ name }) => name === 'keys')!
    .look();
}

test('a secret that stands in for no identity is no key', async () => {
  const secrets = {
    CONSOLE_ENABLED: 'true',
    CONSOLE_TOKEN: 'sixteen characters',
    APPLICATIONINSIGHTS_CONNECTION_STRING: 'InstrumentationKey=x',
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=x',
  };
  expect(await keysOf(secrets)).toMatchObject({ status: 'ok' });
});

test('keys that stand in for Entra ID are named, and how to do without', async () => {
  expect(await keysOf({ COSMOS_KEY: 'a2V5', REDIS_PASSWORD: 'word' })).toEqual({
    status: 'warning',
    found: 'COSMOS_KEY, REDIS_PASSWORD stand in for Entra ID: for local work only',
    mend: 'unset COSMOS_KEY REDIS_PASSWORD',
  });
});
