import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { readConfig } from '../config.ts';
import { azCommands } from './az.ts';

const config = readConfig({
  SERVICEBUS_FULLY_QUALIFIED_NAMESPACE: 'bus.servicebus.windows.net',
  SERVICEBUS_MESSAGE_COMPLETED_TOPIC: 'a topic',
  COSMOS_ENDPOINT: 'https://cosmos.documents.azure.com:443/',
  COSMOS_DATABASE_NAME: 'db',
  COSMOS_CONTAINER_NAME: "it's",
  AZURE_AI_CHAT_ENDPOINT: 'https://ai.openai.azure.com/openai/deployments/gpt-4',
  REDIS_HOST: 'cache.westeurope.redis.azure.net',
});
const hosts = {
  serviceBus: 'bus.servicebus.windows.net',
  cosmos: 'cosmos.documents.azure.com',
  redis: 'cache.westeurope.redis.azure.net',
  titles: 'ai.openai.azure.com',
};
const identity = {
  objectId: 'the-object-id',
  clientId: undefined,
  tenantId: undefined,
  name: undefined,
  isUser: false,
};

test('each command is one that a shell takes, with the names of the configuration', () => {
  const az = azCommands(config, hosts);
  const { keys, away, redisPolicy: _, ...rest } = az;
  const looks = Object.values(away).flatMap(({ moreRoom, look }) => [
    moreRoom.slice(moreRoom.indexOf('az ')),
    look,
  ]);
  const commands = Object.values(rest).map((command) => (command as (given: unknown) => string)(identity));
  for (const command of [...commands, ...Object.values(keys), ...looks]) {
    expect(command).toMatch(/^az [a-z]/);
    // Only looked at, not run.
    execFileSync('sh', ['-n', '-c', command]);
  }
  expect(az.cosmosRole(identity)).toContain(`--principal-id the-object-id --scope '/dbs/db/colls/it'\\''s'`);
  expect(az.receiverRole(identity)).toContain('--name bus --resource-type Microsoft.ServiceBus/namespaces');
  expect(az.receiverRole({ ...identity, isUser: true })).toContain('--assignee-principal-type User');
  expect(az.redisRole(identity)).toContain(
    'redisenterprise database access-policy-assignment create --cluster-name cache ',
  );
  // Version 1, which the command would make by itself, tells long user ids apart by their beginnings only.
  expect(az.createContainer()).toContain('--partition-key-path /userId --partition-key-version 2 ');
  const classic = azCommands(config, { ...hosts, redis: 'old.redis.cache.windows.net' });
  expect(classic.redisRole(identity)).toMatch(/^az redis access-policy-assignment create --name old /);
});
