import { isIP } from 'node:net';
import type { Config } from '../config.ts';
import type { Identity } from './doctor-identity.ts';
import { shellWord } from './shell-word.ts';

/** The command that says a field of a resource: no configuration has resource groups. */
const field = (name: string, type: string, of: 'id' | 'resourceGroup'): string =>
  `"$(az resource list --name ${shellWord(name)} --resource-type ${type} --query '[0].${of}' -o tsv)"`;

/** The name of a resource is the first part of its host name. */
const nameOf = (host: string): string => (isIP(host) ? 'NAME' : host.split('.', 1)[0]!);

const OBJECT_ID = 'OBJECT_ID';

/** The commands that mend, with the names of this configuration filled in. */
export function azCommands(
  config: Config,
  hosts: { serviceBus: string; cosmos: string; redis: string; titles: string },
) {
  const bus = { name: nameOf(hosts.serviceBus), type: 'Microsoft.ServiceBus/namespaces' };
  const cosmos = { name: nameOf(hosts.cosmos), type: 'Microsoft.DocumentDB/databaseAccounts' };
  const ai = { name: nameOf(hosts.titles), type: 'Microsoft.CognitiveServices/accounts' };
  const isClassic = hosts.redis.endsWith('.redis.cache.windows.net');
  const redis = {
    name: nameOf(hosts.redis),
    type: isClassic ? 'Microsoft.Cache/redis' : 'Microsoft.Cache/redisEnterprise',
  };
  const group = ({ name, type }: { name: string; type: string }): string =>
    `--resource-group ${field(name, type, 'resourceGroup')}`;
  const { topic, subscription } = config.serviceBus;
  const { database, container } = config.cosmos;
  const inTopic = `--namespace-name ${shellWord(bus.name)} ${group(bus)} --topic-name ${shellWord(topic)} --name ${shellWord(subscription)}`;
  const inContainer = `--account-name ${shellWord(cosmos.name)} ${group(cosmos)} --database-name ${shellWord(database)}`;

  const role = (
    identity: Identity | undefined,
    name: string,
    { name: of, type }: { name: string; type: string },
  ): string =>
    `az role assignment create --assignee-object-id ${identity?.objectId ?? OBJECT_ID} --assignee-principal-type ${identity?.isUser ? 'User' : 'ServicePrincipal'} --role ${shellWord(name)} --scope ${field(of, type, 'id')}`;

  const inBus = `--name ${shellWord(bus.name)} ${group(bus)}`;
  const inCosmos = `--name ${shellWord(cosmos.name)} ${group(cosmos)}`;
  const inAi = `--name ${shellWord(ai.name)} ${group(ai)}`;
  const inRedis = `${isClassic ? '--name' : '--cluster-name'} ${shellWord(redis.name)} ${group(redis)}`;
  const listDeployments = `az cognitiveservices account deployment list ${inAi} -o table`;

  return {
    receiverRole: (identity: Identity | undefined) => role(identity, 'Azure Service Bus Data Receiver', bus),
    titleRole: (identity: Identity | undefined) => role(identity, 'Cognitive Services User', ai),
    /** The built-in Data Contributor, on the container alone. */
    cosmosRole: (identity: Identity | undefined) =>
      `az cosmosdb sql role assignment create --account-name ${shellWord(cosmos.name)} ${group(cosmos)} --role-definition-id 00000000-0000-0000-0000-000000000002 --principal-id ${identity?.objectId ?? OBJECT_ID} --scope ${shellWord(`/dbs/${database}/colls/${container}`)}`,
    redisRole: (identity: Identity | undefined) =>
      isClassic
        ? `az redis access-policy-assignment create --name ${shellWord(redis.name)} ${group(redis)} --policy-assignment-name historyworker --access-policy-name 'Data Contributor' --object-id ${identity?.objectId ?? OBJECT_ID} --object-id-alias historyworker`
        : `az redisenterprise database access-policy-assignment create --cluster-name ${shellWord(redis.name)} ${group(redis)} --database-name default --access-policy-assignment-name historyworker --access-policy-name default --object-id ${identity?.objectId ?? OBJECT_ID}`,
    redisPolicy: isClassic ? 'Data Contributor' : 'default',
    createTopic: () =>
      `az servicebus topic create --namespace-name ${shellWord(bus.name)} ${group(bus)} --name ${shellWord(topic)}`,
    enableTopic: () =>
      `az servicebus topic update --namespace-name ${shellWord(bus.name)} ${group(bus)} --name ${shellWord(topic)} --status Active`,
    createSubscription: () =>
      `az servicebus topic subscription create ${inTopic} --lock-duration PT1M --max-delivery-count 50`,
    updateSubscription: (settings: string) =>
      `az servicebus topic subscription update ${inTopic} ${settings}`,
    showSubscription: () =>
      `az servicebus topic subscription show ${inTopic} --query '{lock:lockDuration,deliveries:maxDeliveryCount,sessions:requiresSession}'`,
    createRule: () =>
      `az servicebus topic subscription rule create --namespace-name ${shellWord(bus.name)} ${group(bus)} --topic-name ${shellWord(topic)} --subscription-name ${shellWord(subscription)} --name everything --filter-sql-expression 1=1`,
    oneWriteRegion: () =>
      `az cosmosdb update --name ${shellWord(cosmos.name)} ${group(cosmos)} --enable-multiple-write-locations false`,
    createDatabase: () =>
      `az cosmosdb sql database create --account-name ${shellWord(cosmos.name)} ${group(cosmos)} --name ${shellWord(database)}`,
    createContainer: () =>
      `az cosmosdb sql container create ${inContainer} --name ${shellWord(container)} --partition-key-path /userId --partition-key-version 2 --idx ${shellWord(JSON.stringify(INDEXING))}`,
    updateContainer: (settings: string) =>
      `az cosmosdb sql container update ${inContainer} --name ${shellWord(container)} ${settings}`,
    listDeployments: () => listDeployments,
    /** What gives a service more room, and what shows how it is and who is let in. */
    away: {
      serviceBus: {
        moreRoom: `give the namespace more messaging units, or move it from Standard (1,000 credits a second for all of it) to Premium; what it has: az servicebus namespace show ${inBus} --query sku`,
        look: `az servicebus namespace show ${inBus} --query '{status:status,public:publicNetworkAccess}'`,
      },
      redis: {
        moreRoom: `use fewer connections or a larger size; what it has: ${isClassic ? 'az redis' : 'az redisenterprise'} show ${inRedis} --query sku`,
        look: isClassic
          ? `az redis show ${inRedis} --query '{state:provisioningState,public:publicNetworkAccess}'`
          : `az redisenterprise show ${inRedis} --query '{state:resourceState,public:publicNetworkAccess}'`,
      },
      cosmos: {
        moreRoom: `raise its request units (RU/s), of the container or of the database that shares them; what it has: az cosmosdb sql container throughput show ${inContainer} --name ${shellWord(container)}`,
        look: `az cosmosdb show ${inCosmos} --query '{state:provisioningState,public:publicNetworkAccess,addresses:ipRules}'`,
      },
      titles: {
        moreRoom: `raise the deployment's capacity (tokens a minute), or lower TITLE_MAX_CONCURRENCY; what it has: ${listDeployments}`,
        look: `az cognitiveservices account show ${inAi} --query '{state:properties.provisioningState,public:properties.publicNetworkAccess}'`,
      },
    },
    keys: {
      serviceBus: `az servicebus namespace authorization-rule keys list --namespace-name ${shellWord(bus.name)} ${group(bus)} --name RootManageSharedAccessKey --query primaryConnectionString -o tsv`,
      cosmos: `az cosmosdb keys list --name ${shellWord(cosmos.name)} ${group(cosmos)} --query primaryMasterKey -o tsv`,
      redis: isClassic
        ? `az redis list-keys --name ${shellWord(redis.name)} ${group(redis)} --query primaryKey -o tsv`
        : `az redisenterprise database list-keys --cluster-name ${shellWord(redis.name)} ${group(redis)} --query primaryKey -o tsv`,
      titles: `az cognitiveservices account keys list --name ${shellWord(ai.name)} ${group(ai)} --query key1 -o tsv`,
    },
  };
}

export type AzCommands = ReturnType<typeof azCommands>;

/** Messages are never asked for by a query, and are nearly all there is of an item. */
export const INDEXING = {
  indexingMode: 'consistent',
  includedPaths: [{ path: '/*' }],
  excludedPaths: [{ path: '/messages/*' }, { path: '/segments/*' }, { path: '/"_etag"/?' }],
};
