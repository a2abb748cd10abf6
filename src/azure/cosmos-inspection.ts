import type { ContainerDefinition } from '@azure/cosmos';
import type { TokenCredential } from '@azure/identity';
import type { Config } from '../config.ts';
import { makeCosmosClient } from './cosmos-container.ts';

/** An item that is not there; ids of conversations may begin so, but this one is nobody's. */
const PROBE = '~doctor';

/** Looks at the account and the container, with the worker's own rights. Each call throws the client's error. */
export type CosmosInspection = {
  account(): Promise<{ writeRegions: string[]; consistency: string }>;
  container(): Promise<ContainerDefinition>;
  /** Reads an item that is not there. */
  read(): Promise<void>;
  /** Replaces an item that is not there, under a condition that no item fulfils: nothing can be changed. */
  replace(): Promise<void>;
  close(): void;
};

/** Nothing is connected until it is asked for something. */
export function inspectCosmos(config: Config, credential: TokenCredential): CosmosInspection {
  const client = makeCosmosClient(config, credential, { isPatient: false });
  const container = client.database(config.cosmos.database).container(config.cosmos.container);
  const isAbsent = ({ code, substatus }: { code?: unknown; substatus?: unknown }): boolean =>
    code === 404 && Number(substatus ?? 0) === 0;
  return {
    async account() {
      const { resource } = await client.getDatabaseAccount();
      return {
        writeRegions: (resource?.writableLocations ?? []).map(({ name }) => name),
        consistency: String(resource?.consistencyPolicy ?? 'unknown'),
      };
    },
    async container() {
      const { resource, statusCode, substatus } = await container.read();
      // Some answers the client does not take for errors.
      if (!resource) throw Object.assign(new Error('there is none'), { code: statusCode, substatus });
      return resource;
    },
    async read() {
      const { statusCode, substatus } = await container.item(PROBE, PROBE).read();
      const answer = { code: statusCode, substatus };
      if (statusCode >= 300 && !isAbsent(answer))
        throw Object.assign(new Error(`a read was answered ${statusCode}`), answer);
    },
    async replace() {
      try {
        await container
          .item(PROBE, PROBE)
          .replace(
            { id: PROBE, userId: PROBE, sessionId: PROBE },
            { accessCondition: { type: 'IfMatch', condition: '"none"' } },
          );
      } catch (error) {
        const { code } = error as { code?: unknown };
        if (!isAbsent(error as object) && code !== 412) throw error;
      }
    },
    close: () => client.dispose(),
  };
}
