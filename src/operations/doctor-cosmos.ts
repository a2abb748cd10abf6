import type { ContainerDefinition } from '@azure/cosmos';
import type { CosmosInspection } from '../azure/cosmos-inspection.ts';
import { withDeadline } from '../azure/deadline.ts';
import type { Config } from '../config.ts';
import { age } from './age.ts';
import { type AzCommands, INDEXING } from './az.ts';
import { ANSWER_MS, awayFinding } from './doctor-away.ts';
import { type Check, type Finding, failure, ok, warning } from './doctor-check.ts';
import type { Identity } from './doctor-identity.ts';
import type { Way } from './doctor-network.ts';
import { describeError, seeAbove, troubleOf } from './errors.ts';
import { shellWord } from './shell-word.ts';

/** By which containers may be keyed: what the worker knows of every item. */
const KEYS = new Set(['/userId', '/sessionId', '/id']);

/** Account, container and rights, each under a line of its own. */
export function cosmosChecks(
  config: Config,
  inspection: CosmosInspection,
  way: Way,
  az: AzCommands,
  identity: Promise<Identity | undefined>,
): Check[] {
  const { database, container, access } = config.cosmos;

  async function refused(error: unknown): Promise<Finding> {
    const away = await awayFinding(error, { way, ...az.away.cosmos });
    if (away) return away;
    const { code, substatus } = error as { code?: unknown; substatus?: unknown };
    if (code === 404 && Number(substatus ?? 0) === 1003)
      return failure(
        `there is no database ${database}, or no container ${container} in it`,
        az.createContainer(),
      );
    if (code === 404)
      return failure(`there is no container ${container} in ${database}`, az.createContainer());
    if (access.kind === 'key' && (code === 401 || code === 403))
      return failure(`the key is refused (${code})`, `COSMOS_KEY="$(${az.keys.cosmos})"`);
    if (code === 401 || code === 403)
      return failure(
        `the identity lacks its data role (${code}): it needs Cosmos DB Built-in Data Contributor on the container`,
        az.cosmosRole(await identity),
      );
    return failure(describeError(error), seeAbove(troubleOf(error), 'Cosmos DB'));
  }
  const check = (name: string, look: () => Promise<Finding>): Check => ({
    service: 'Cosmos DB',
    name,
    look: () => withDeadline(ANSWER_MS, name, look).catch(refused),
  });
  let definition: Promise<ContainerDefinition> | undefined;
  const defined = (): Promise<ContainerDefinition> => {
    definition ??= inspection.container();
    return definition;
  };

  return [
    check('account', async () => {
      const { writeRegions, consistency } = await inspection.account();
      if (writeRegions.length > 1)
        return failure(
          `writes in ${writeRegions.length} regions: conditional writes do not hold across several`,
          az.oneWriteRegion(),
        );
      return ok(`writes in one region (${writeRegions.join('')}), consistency ${consistency}`);
    }),
    check('container', async () => {
      const paths = (await defined()).partitionKey?.paths ?? [];
      const found = `${database}/${container} is keyed by ${paths.join(', ')}`;
      return paths.length === 1 && KEYS.has(paths[0]!)
        ? ok(found)
        : failure(
            `${found}, expected /userId: a key cannot be changed`,
            `COSMOS_CONTAINER_NAME=NEW, after ${az.createContainer()}`,
          );
    }),
    check('indexing', async () => judgeIndexing(await defined(), az)),
    check('expiry', async () => judgeExpiry(await defined(), az)),
    check('read', async () => {
      await inspection.read();
      return ok('may read items');
    }),
    check('write', async () => {
      await inspection.replace();
      return ok('may write items (by a replace of one that is not there)');
    }),
  ];
}

function judgeIndexing({ indexingPolicy }: ContainerDefinition, az: AzCommands): Finding {
  const mode = indexingPolicy?.indexingMode ?? 'consistent';
  const excluded = (indexingPolicy?.excludedPaths ?? []).map(({ path }) => path ?? '');
  const included = (indexingPolicy?.includedPaths ?? []).map(({ path }) => path ?? '');
  const mend = az.updateContainer(`--idx ${shellWord(JSON.stringify(INDEXING))}`);
  if (mode.toLowerCase() === 'none')
    return warning('there is none: a list of conversations reads all items', mend);
  const isMessagesIndexed =
    included.includes('/*') && !excluded.some((path) => /^\/(messages\/.*|\*)$/.test(path));
  if (isMessagesIndexed)
    return warning('messages are indexed, which no query needs and every write pays for', mend);
  return ok('messages are not indexed');
}

function judgeExpiry({ defaultTtl }: ContainerDefinition, az: AzCommands): Finding {
  if (defaultTtl === undefined || defaultTtl === null) return ok('items stay');
  if (defaultTtl === -1) return ok('items stay, but for those with a ttl of their own');
  return warning(
    `history is deleted ${age(defaultTtl * 1_000)} after it was last written`,
    az.updateContainer('--ttl -1'),
  );
}
