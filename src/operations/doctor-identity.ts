import type { TokenCredential } from '@azure/identity';
import { REDIS_SCOPE_DEFAULT } from '@redis/entraid';
import type { Config } from '../config.ts';
import { type Finding, failure, ok, warning } from './doctor-check.ts';
import { describeError } from './errors.ts';

/** Who a token is for, from its claims. The token itself goes nowhere. */
export type Identity = {
  objectId: string;
  clientId: string | undefined;
  tenantId: string | undefined;
  /** As people know it: a user's name, or the name of a managed identity. */
  name: string | undefined;
  isUser: boolean;
};

type Scope = { service: string; scope: string };

/** The scopes that the worker asks tokens for: those of the services for which no key stands in. */
function scopesOf(config: Config): Scope[] {
  const { serviceBus, cosmos, redis, titles } = config;
  return [
    ...(serviceBus.connectionString === undefined
      ? [{ service: 'Service Bus', scope: 'https://servicebus.azure.net/.default' }]
      : []),
    ...(redis.access.kind === 'entra' ? [{ service: 'Redis', scope: REDIS_SCOPE_DEFAULT }] : []),
    ...(cosmos.access.kind === 'entra'
      ? [{ service: 'Cosmos DB', scope: `https://${new URL(cosmos.endpoint).hostname}/.default` }]
      : []),
    ...(titles.access.kind === 'entra'
      ? [{ service: 'the title model', scope: 'https://cognitiveservices.azure.com/.default' }]
      : []),
  ];
}

export type Identities = { service: string; identity?: Identity; error?: unknown }[];

/** Asks for a token of each scope and reads whose it is. Never rejects. */
export function findIdentities(config: Config, credential: TokenCredential): Promise<Identities> {
  return Promise.all(
    scopesOf(config).map(async ({ service, scope }) => {
      try {
        const token = await credential.getToken(scope);
        const identity = token && identityOf(token.token);
        return identity ? { service, identity } : { service, error: new Error('the token has no object id') };
      } catch (error) {
        return { service, error };
      }
    }),
  );
}

/** Undefined: it tells of nobody, or is no token that can be read. */
export function identityOf(token: string): Identity | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    const {
      oid,
      appid,
      azp,
      tid,
      upn,
      preferred_username: user,
      xms_mirid: resource,
      idtyp,
    } = claims as Record<string, unknown>;
    const text = (value: unknown): string | undefined =>
      typeof value === 'string' && value ? value : undefined;
    const objectId = text(oid);
    if (objectId === undefined) return undefined;
    const person = text(upn) ?? text(user);
    return {
      objectId,
      clientId: text(appid) ?? text(azp),
      tenantId: text(tid),
      name: person ?? text(resource)?.split('/').at(-1),
      isUser: idtyp === 'user' || (idtyp === undefined && person !== undefined),
    };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const MEND =
  'az login, on your own machine; elsewhere assign a managed identity to the host, and name it by AZURE_CLIENT_ID';

/** Which identity it really is, for all services for which no key stands in. */
export function identityFinding(config: Config, identities: Identities): Finding {
  const lacking = identities.filter(({ identity }) => !identity);
  if (identities.length === 0) return ok('none is needed: keys stand in for Entra ID everywhere');
  if (lacking.length > 0) {
    const services = lacking.map(({ service }) => service).join(', ');
    return failure(`no token for ${services}: ${describeError(lacking[0]!.error)}`, MEND);
  }
  const found = identities.map(({ identity }) => identity!);
  const first = found[0]!;
  const description = describeIdentity(first);
  if (found.some(({ objectId }) => objectId !== first.objectId))
    return warning(`not the same for all services: ${found.map(describeIdentity).join('; ')}`, MEND);
  const { azureClientId } = config;
  if (azureClientId !== undefined && first.clientId !== undefined && first.clientId !== azureClientId)
    return warning(
      `${description}, which is not AZURE_CLIENT_ID ${azureClientId}: another one came first`,
      MEND,
    );
  return ok(description);
}

const describeIdentity = ({ objectId, clientId, tenantId, name, isUser }: Identity): string =>
  [
    `${isUser ? 'user' : 'application'} ${name ?? ''}`.trim(),
    `object id ${objectId}`,
    ...(clientId === undefined ? [] : [`client id ${clientId}`]),
    ...(tenantId === undefined ? [] : [`tenant ${tenantId}`]),
  ].join(', ');
