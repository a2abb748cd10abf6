import type { TokenCredential } from '@azure/identity';
import { ServiceBusAdministrationClient } from '@azure/service-bus';
import type { Config } from '../config.ts';

/** Whether a connection string is one of a stand-in, ours or Microsoft's. */
export const isStandIn = (connectionString: string | undefined): boolean =>
  /UseDevelopmentEmulator=true/i.test(connectionString ?? '');

/**
 * The client that asks the namespace about its subscriptions, which takes the right to manage them. Undefined for a stand-in: none
 * answers where the client asks. Nothing is connected until it is used.
 */
export function openAdministration(
  { serviceBus: { namespace, connectionString } }: Config,
  credential: TokenCredential,
): ServiceBusAdministrationClient | undefined {
  if (isStandIn(connectionString)) return undefined;
  const options = { retryOptions: { maxRetries: 0 } };
  return connectionString === undefined
    ? new ServiceBusAdministrationClient(namespace!, credential, options)
    : new ServiceBusAdministrationClient(connectionString, options);
}
