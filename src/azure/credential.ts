import {
  type AccessToken,
  DefaultAzureCredential,
  type GetTokenOptions,
  type TokenCredential,
} from '@azure/identity';

const ATTEMPTS = 4;

/**
 * The identity for all four services. Tried again a few times by itself: the Service Bus client stops renewing for
 * good after one failed token request (azure-sdk-for-js issue 38467).
 */
export function makeCredential(clientId: string | undefined): TokenCredential {
  const inner = new DefaultAzureCredential(
    clientId === undefined ? {} : { managedIdentityClientId: clientId },
  );
  return {
    async getToken(scopes: string | string[], options?: GetTokenOptions): Promise<AccessToken | null> {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await inner.getToken(scopes, options);
        } catch (error) {
          if (attempt === ATTEMPTS || options?.abortSignal?.aborted) throw error;
          await new Promise((resolve) => setTimeout(resolve, 250 * 2 ** attempt));
        }
      }
    },
  };
}
