import { DefaultAzureCredential } from '@azure/identity';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type EntraEmulator, startEntra } from './index.ts';

// One for all, and a resource of its own for every test: the identity library keeps the endpoint that it found first,
// and tokens by client and resource, for as long as the process lives.
let entra: EntraEmulator;
beforeAll(async () => {
  entra = await startEntra({ clientId: 'me' });
});
beforeEach(() => {
  for (const [name, value] of Object.entries(entra.environment)) vi.stubEnv(name, value);
  // Only the endpoint: the rest of the chain would look for command line tools.
  vi.stubEnv('AZURE_TOKEN_CREDENTIALS', 'ManagedIdentityCredential');
  entra.resetCounters();
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await entra.close();
});

const RESOURCE = 'https://redis.azure.com';

function getToken(resource: string, managedIdentityClientId = 'me') {
  return new DefaultAzureCredential({ managedIdentityClientId }).getToken(`${resource}/.default`);
}

function get(query: string, header = entra.environment.IDENTITY_HEADER): Promise<Response> {
  return fetch(`${entra.environment.IDENTITY_ENDPOINT}?${query}`, {
    headers: { 'x-identity-header': header },
  });
}

test('DefaultAzureCredential gets a token that the stand-ins can check', async () => {
  const heard: string[][] = [];
  entra.onToken((...args) => heard.push(args));
  const { token, expiresOnTimestamp } = (await getToken(RESOURCE))!;
  expect(entra.verify(token)).toBe(true);
  expect(entra.verify(token, RESOURCE)).toBe(true);
  expect(entra.verify(token, `${RESOURCE}/`)).toBe(true);
  expect(entra.verify(token, 'https://cosmos.azure.com')).toBe(false);
  const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString());
  expect(claims).toMatchObject({ oid: entra.objectId, appid: 'me', aud: RESOURCE });
  expect(Math.abs(expiresOnTimestamp - claims.exp * 1000)).toBeLessThan(5_000);
  expect(heard).toEqual([[RESOURCE, token, entra.objectId]]);
  expect(entra.counters()).toEqual({ tokens: { [RESOURCE]: 1 }, refused: 0 });
});

test('a token that was tampered with, expired, or made elsewhere is not good', async () => {
  const other = await startEntra();
  const brief = await startEntra({ lifetimeSeconds: 1 });
  const token = other.issue(RESOURCE);
  const [header, payload, signature] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload!, 'base64url').toString());
  const longer = Buffer.from(JSON.stringify({ ...claims, exp: claims.exp + 9_999 })).toString('base64url');
  expect(other.verify(token)).toBe(true);
  expect(other.verify(`${header}.${longer}.${signature}`)).toBe(false);
  expect(other.verify(`${header}.${payload}.`)).toBe(false);
  expect(other.verify('nonsense')).toBe(false);
  expect(other.verify(entra.issue(RESOURCE))).toBe(false);
  const ending = brief.issue(RESOURCE);
  await expect.poll(() => brief.verify(ending)).toBe(false);
  await Promise.all([other.close(), brief.close()]);
});

test('another identity, a stranger and a malformed request are refused', async () => {
  await expect(getToken(RESOURCE, 'somebody-else')).rejects.toThrow('No User Assigned');
  const good = `resource=${RESOURCE}&api-version=2019-08-01`;
  expect((await get(good)).status).toBe(200);
  expect((await get(good, 'wrong')).status).toBe(403);
  expect((await get(`resource=${RESOURCE}`)).status).toBe(400);
  expect((await get('api-version=2019-08-01')).status).toBe(400);
  expect(entra.counters()).toEqual({ tokens: { [RESOURCE]: 1 }, refused: 4 });
});

test('it can be told to refuse, to be slow and to freeze', async () => {
  const slow = 'https://slow.azure.com';
  entra.setFaults({ refuse: true });
  await expect(getToken(slow)).rejects.toThrow('No User Assigned');
  entra.setFaults({ refuse: false, latencyMs: 80, freeze: true });
  const started = performance.now();
  let isAnswered = false;
  const pending = getToken(slow).finally(() => {
    isAnswered = true;
  });
  await vi.waitFor(() => expect(performance.now() - started).toBeGreaterThan(150));
  expect(isAnswered).toBe(false);
  entra.setFaults({ freeze: false });
  expect(entra.verify((await pending)!.token)).toBe(true);
  expect(() => entra.setFaults({ explode: true } as object)).toThrow(/explode.*refuse.*freeze/);
});

test('tokens can be made short-lived from now on', async () => {
  const claims = (token: string) => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString());
  const lifetime = ({ iat, exp }: { iat: number; exp: number }) => exp - iat;
  expect(lifetime(claims(entra.issue(RESOURCE)))).toBe(24 * 3600);
  entra.setFaults({ tokenLifetimeSeconds: 90 });
  expect(lifetime(claims(entra.issue(RESOURCE)))).toBe(90);
  const { token, expiresOnTimestamp } = (await getToken('https://brief.azure.com'))!;
  expect(lifetime(claims(token))).toBe(90);
  // The client counts from when it hears of the token, in whole seconds.
  expect(Math.abs(expiresOnTimestamp - claims(token).exp * 1000)).toBeLessThanOrEqual(1000);
  entra.setFaults({ tokenLifetimeSeconds: null });
  expect(lifetime(claims(entra.issue(RESOURCE)))).toBe(24 * 3600);
  expect(() => entra.setFaults({ tokenLifetimeSeconds: 0 })).toThrow(/tokenLifetimeSeconds/);
  expect(() => entra.act('explode')).toThrow(/there are none/);
});
