import { type Capacity, capacityOf, type MeanTurn, meanTurn, type Workload } from './capacity.ts';
import type { Measured } from './measured.ts';
import type { Figures } from './prices.ts';

/** Something that ends, and what is to be done then. */
export type Limit = { name: string; remedy: string; share(capacity: Capacity, figures: Figures): number };

/** `share` is 1 when it is reached in the busiest second. What is bought in units is measured without headroom. */
export const knownLimits: Limit[] = [
  {
    name: 'one instance, in waiting or CPU',
    remedy: 'more instances: KEDA starts them by the events that wait',
    share: ({ instances }) => instances - 1,
  },
  {
    name: 'autoscale maximum as shipped',
    remedy: '`cosmos_max_throughput` higher; Azure raises it by itself where what is stored asks for it',
    share: ({ requestUnitsPerSecond, autoscaleMax }, { maxThroughput }) =>
      Math.max(requestUnitsPerSecond, autoscaleMax > maxThroughput ? autoscaleMax : 0) / maxThroughput,
  },
  {
    name: 'title model’s capacity as shipped',
    remedy: '`title_model.capacity` higher; until then some are called `New Conversation` until a later turn',
    share: ({ titleTokensPerMinute }, { modelTokensShipped }) => titleTokensPerMinute / modelTokensShipped,
  },
  {
    name: 'Service Bus Standard: credits of a namespace',
    remedy: '`service_bus_sku = "Premium"`',
    share: ({ eventsPerSecond }, { creditsPerEvent, busCredits }) =>
      (eventsPerSecond * creditsPerEvent) / busCredits,
  },
  {
    name: 'instances as shipped',
    remedy: '`replicas.max` higher, or larger instances (`cpu`, `MAX_CONCURRENCY`)',
    share: ({ instances }, { maxReplicas }) => instances / maxReplicas,
  },
  {
    name: 'one messaging unit of Premium',
    remedy: '2, 4, 8, 16 units (`capacity` in service-bus.tf); for more a new namespace with partitions',
    share: ({ eventsPerSecond }, { eventBytes, busUnitBytes }) =>
      (eventsPerSecond * eventBytes) / busUnitBytes,
  },
  {
    name: 'a Premium namespace of 64 units',
    remedy: 'several namespaces, each with its workers, and users divided among them',
    share: ({ eventsPerSecond }, { eventBytes, busUnitBytes, busUnits }) =>
      (eventsPerSecond * eventBytes) / (busUnitBytes * busUnits),
  },
  {
    name: 'concurrent receives of the topic',
    remedy:
      'larger instances instead of more; then a second topic: a second subscription counts with the first',
    share: ({ instances }, { linksPerInstance, busReceives }) => (instances * linksPerInstance) / busReceives,
  },
  {
    name: 'processors of a Container Apps environment',
    remedy: 'ask for a higher quota, or run on Kubernetes',
    share: ({ instances }, { instanceVcpu, appsCores }) => (instances * instanceVcpu) / appsCores,
  },
  {
    name: 'RU/s of a container',
    remedy: 'ask Microsoft for more; keep less (a `ttl`, an archive): what is stored asks for throughput too',
    share: ({ autoscaleMax }, { cosmosContainer }) => autoscaleMax / cosmosContainer,
  },
  {
    name: 'quota of the title model',
    remedy:
      'deployments in further regions behind one endpoint, or a smaller context: ask for your own quota first',
    share: ({ titleTokensPerMinute }, { modelTokens }) => titleTokensPerMinute / modelTokens,
  },
];

export type Reached = { name: string; remedy: string; users: number };

/** Nobody has more. */
const MOST_USERS = 1e11;

/** At how many users each limit is reached, the first one first. */
export function reachedLimits(
  workload: Omit<Workload, 'users'>,
  figures: Figures,
  measured: Measured,
  turn: MeanTurn = meanTurn(workload, figures),
): Reached[] {
  const shareAt = (limit: Limit, users: number): number =>
    limit.share(capacityOf({ ...workload, users }, figures, measured, turn), figures);
  return knownLimits
    .map((limit) => {
      const { name, remedy } = limit;
      let [below, reached] = [0, MOST_USERS];
      if (shareAt(limit, reached) < 1) return { name, remedy, users: Number.POSITIVE_INFINITY };
      while (reached - below > 1) {
        const users = Math.floor((below + reached) / 2);
        if (shareAt(limit, users) < 1) below = users;
        else reached = users;
      }
      return { name, remedy, users: reached };
    })
    .sort((a, b) => a.users - b.users);
}

/** The limit that so many users reach next, if any, and how many are behind them. */
export function nextLimit(reached: readonly Reached[], users: number): { passed: number; next?: Reached } {
  const passed = reached.filter((limit) => limit.users <= users).length;
  const next = reached[passed];
  return next && Number.isFinite(next.users) ? { passed, next } : { passed };
}

/**
 * A logical partition is one user, so it does not fill by the number of users: how many times the turns of a mean user one may have
 * before his partition is full, and before it has not enough RU/s in the busiest second. A robot's account may.
 */
export function oneUser(
  workload: Workload,
  figures: Figures,
  measured: Measured,
  turn: MeanTurn = meanTurn(workload, figures),
): { byStorage: number; byRequestUnits: number } {
  const capacity = capacityOf(workload, figures, measured, turn);
  const partitions = Math.max(
    1,
    Math.ceil(capacity.storedGb / figures.cosmosPhysicalGb),
    Math.ceil(capacity.autoscaleMax / figures.cosmosPartitionUnits),
  );
  const units = Math.min(figures.cosmosPartitionUnits, capacity.autoscaleMax / partitions);
  return {
    byStorage: figures.cosmosPartitionGb / (capacity.storedGb / workload.users),
    byRequestUnits: units / (capacity.requestUnitsPerSecond / workload.users),
  };
}
