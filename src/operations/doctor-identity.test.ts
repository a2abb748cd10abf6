import { expect, test } from 'vitest';
import { readConfig } from '../config.ts';
import { identityFinding, identityOf } from './doctor-identity.ts';

const tokenOf = (claims: object): string =>
  `header.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`;
const config = (more: Record<string, string> = {}) =>
  readConfig({
    SERVICEBUS_FULLY_QUALIFIED_NAMESPACE: 'bus.servicebus.windows.net',
    COSMOS_ENDPOINT: 'https://cosmos.documents.azure.com:443/',
    COSMOS_DATABASE_NAME: 'db',
    COSMOS_CONTAINER_NAME: 'c',
    AZURE_AI_CHAT_ENDPOINT: 'https://ai.openai.azure.com/openai/deployments/gpt-4',
    REDIS_HOST: 'cache.westeurope.redis.azure.net',
    ...more,
  });
const managed = {
  oid: 'o',
  appid: 'c',
  tid: 't',
  idtyp: 'app',
  xms_mirid:
    '/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/history-worker',
};

test('a managed identity is known by its name, a person by theirs', () => {
  expect(identityOf(tokenOf(managed))).toEqual({
    ...{ objectId: 'o', clientId: 'c', tenantId: 't', name: 'history-worker', isUser: false },
  });
  expect(identityOf(tokenOf({ oid: 'o', upn: 'jo@example.org' }))).toMatchObject({
    name: 'jo@example.org',
    isUser: true,
  });
});

test.each(['', 'no token', 'a.b.c', tokenOf([]), tokenOf({ oid: 7 })])('%j tells of nobody', (token) =>
  expect(identityOf(token)).toBeUndefined(),
);

test('another identity than the one that was named is warned of, and so are several', () => {
  const identity = identityOf(tokenOf(managed))!;
  const [one, other] = [
    { service: 'Redis', identity },
    { service: 'Cosmos DB', identity: { ...identity, objectId: 'p' } },
  ];
  expect(identityFinding(config(), [one])).toMatchObject({
    status: 'ok',
    found: 'application history-worker, object id o, client id c, tenant t',
  });
  expect(identityFinding(config({ AZURE_CLIENT_ID: 'c' }), [one]).status).toBe('ok');
  expect(identityFinding(config({ AZURE_CLIENT_ID: 'd' }), [one])).toMatchObject({
    status: 'warning',
    found: expect.stringContaining('not AZURE_CLIENT_ID d'),
  });
  expect(identityFinding(config(), [one, other]).status).toBe('warning');
});
