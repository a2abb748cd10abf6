import { describe, expect, test } from 'vitest';
import { DeadlineError } from '../azure/deadline.ts';
import { awayFinding, type Means } from './doctor-away.ts';

const means = (isReached = true): Means => ({
  way: {
    target: { service: 'Cosmos DB', host: 'h', port: 443, tls: true, variable: 'COSMOS_ENDPOINT' },
    checks: [],
    isReached: async () => isReached,
  },
  moreRoom: 'raise it',
  look: 'az show',
});
const coded = (code: string | number, message = '') => Object.assign(new Error(message), { code });

test.each([
  // What Cosmos DB, Service Bus and the AI services say to whom their firewall does not let in.
  coded(
    403,
    'Request originated from IP 10.0.0.1 through public internet. This is blocked by your Cosmos DB account firewall settings.',
  ),
  coded('UnauthorizedAccess', 'Ip has been prevented to connect to the endpoint.'),
  coded(403, 'Access denied due to Virtual Network/Firewall rules.'),
])('a firewall is not taken for a role that lacks: $message', async (error) => {
  expect(await awayFinding(error, means())).toMatchObject({
    status: 'failure',
    found: expect.stringContaining('its firewall keeps this machine out'),
    mend: expect.stringMatching(/private endpoint.*az show$/),
  });
});

describe('a service that does not answer', () => {
  test('and takes no connections either: the lines of the connection say why', async () => {
    const finding = await awayFinding(new DeadlineError('late'), means(false));
    expect(finding).toMatchObject({ mend: 'see the lines "name" and "connection" of Cosmos DB' });
  });

  test.each([
    new DeadlineError('late'),
    coded('ECONNRESET'),
    coded('ServiceTimeout', 'OperationTimeoutError'),
  ])('though it takes connections: something stands between (%o)', async (error) => {
    const finding = await awayFinding(error, means());
    expect(finding).toMatchObject({ found: expect.stringContaining('though h:443 takes connections') });
  });
});

test.each([
  coded('UnauthorizedAccess', "Unauthorized access. 'Listen' claim(s) are required"),
  coded(403, 'principal does not have required RBAC permissions'),
  coded(404),
  Object.assign(new Error('no token'), { name: 'CredentialUnavailableError' }),
])('what is no outage is left to others: $message', async (error) => {
  expect(await awayFinding(error, means())).toBeUndefined();
});
