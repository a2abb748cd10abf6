import type { TokenCredential } from '@azure/identity';
import { cacheTokens } from './cached-tokens.ts';
import { identityError } from './identity-error.ts';

/** The identity for all four services. Its library is loaded with the first token: keys do without (25 MB, a tenth of a second). */
export function makeCredential(clientId: string | undefined): TokenCredential {
  let identity: Promise<TokenCredential> | undefined;
  const load = async (): Promise<TokenCredential> => {
    const { DefaultAzureCredential } = await import('@azure/identity');
    return new DefaultAzureCredential(clientId === undefined ? {} : { managedIdentityClientId: clientId });
  };
  return cacheTokens({
    async getToken(scopes, options) {
      identity ??= load();
      const ready = await identity;
      try {
        return await ready.getToken(scopes, options);
      } catch (error) {
        throw identityError(error);
      }
    },
  });
}

/** The Service Bus client renews a link's claim so long before the token ends. */
const CLIENTS_MARGIN_MS = 120_000;
const RENEW_EVERY_MS = 5_000;

/**
 * For the Service Bus client, which counts on no token that has less than two minutes left: with one it renews the claim of
 * each link again at once, over and over. So such a token is said to last as long as makes it ask again a little later.
 */
export function sparingly(credential: TokenCredential): TokenCredential {
  return {
    async getToken(scopes, options) {
      const token = await credential.getToken(scopes, options);
      const leastMs = Date.now() + CLIENTS_MARGIN_MS + RENEW_EVERY_MS;
      return token && { ...token, expiresOnTimestamp: Math.max(token.expiresOnTimestamp, leastMs) };
    },
  };
}
