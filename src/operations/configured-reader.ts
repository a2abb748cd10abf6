import type { TokenCredential } from '@azure/identity';
import type { Config } from '../config.ts';
import { openReader, type Reader } from '../reader.ts';

/** The reader of history that other services use, by the worker's own configuration. */
export function openConfiguredReader({ cosmos }: Config, credential: TokenCredential): Reader {
  const { endpoint, access, database, container } = cosmos;
  return openReader({
    endpoint,
    access: access.kind === 'key' ? access : { credential },
    database,
    container,
  });
}
