/** A figure that is not measured here. */
export type Fact = {
  value: number;
  unit: string;
  about: string;
  source: string;
  /** Of the page, where it bears one; otherwise when a stored copy of it was looked at. */
  date: string;
  /** Where a price holds. */
  region?: string;
  /** Whether a page of the vendor's, or this repository, says so. What is not is an assumption that a reader must check. */
  isConfirmed: boolean;
};

const LOOKED_AT = '2026-11-26';
const fact =
  (source: string, more: Partial<Fact> = {}) =>
  (value: number, unit: string, about: string): Fact => ({
    value,
    unit,
    about,
    source,
    date: LOOKED_AT,
    isConfirmed: true,
    ...more,
  });

const assumed = fact('assumed here', { isConfirmed: false });
const shipped = fact('deploy/terraform/variables.tf');
const cosmosLimit = fact('Azure Cosmos DB service quotas');
const busThrottling = fact('Throttling operations on Azure Service Bus');
// Microsoft's own pages are stored with the tiers and without the amounts: these are as others quote them.
const busPrice = fact('Service Bus pricing, quoted', { region: 'US', isConfirmed: false });
const appsPrice = fact('Azure Container Apps pricing, quoted', { region: 'East US', isConfirmed: false });
const titlePrice = fact('OpenAI API pricing, GPT-5.4 nano, quoted; Azure’s may differ', {
  date: '2026-06',
  region: 'global',
  isConfirmed: false,
});

/** In US dollars, without tax, discounts and free grants. */
export const prices = {
  cosmosAutoscale: fact('How to choose between manual and autoscale on Azure Cosmos DB', {
    date: '2024-07-26',
    region: 'US',
  })(0.012, '$ an hour for 100 RU/s', 'autoscale, one write region'),
  cosmosStorage: fact('Understand your Azure Cosmos DB bill', { date: '2022-03-31', region: 'US' })(
    0.25,
    '$ a month for a GB',
    'items and their index',
  ),
  busStandardBase: busPrice(0.0135, '$ an hour', 'Standard, with 13 million operations a month'),
  busStandardTo100M: busPrice(0.8, '$ for a million operations', 'from 13 to 100 million a month'),
  busStandardTo2500M: busPrice(0.5, '$ for a million operations', 'from 100 to 2,500 million a month'),
  busStandardBeyond: busPrice(0.2, '$ for a million operations', 'beyond 2,500 million a month'),
  busPremiumUnit: busPrice(0.928, '$ an hour', 'a messaging unit of Premium'),
  appsVcpu: appsPrice(0.000024, '$ a second', 'a processor, active'),
  appsGib: appsPrice(0.000003, '$ a second', 'a GiB of memory'),
  titleInput: titlePrice(0.2, '$ for a million tokens', 'what a title is made from'),
  titleOutput: titlePrice(1.25, '$ for a million tokens', 'what the model answers'),
  telemetryGb: fact('not found on a stored page', { region: 'East US', isConfirmed: false })(
    2.3,
    '$ for a GB',
    'Application Insights, pay as you go',
  ),
} satisfies Record<string, Fact>;

/** What the services allow. */
export const limits = {
  busCredits: busThrottling(1_000, 'credits a second', 'a Standard namespace'),
  busUnitBytes: fact('Best practices for performance improvements using Service Bus')(
    4_000_000,
    'bytes a second, in and out',
    'a messaging unit in Microsoft’s benchmark; how many small messages that is, is not published',
  ),
  busUnits: fact('ServiceBusSku.Capacity Property')(
    64,
    'messaging units',
    'a Premium namespace of 4 partitions; of one partition, as shipped, 16',
  ),
  busReceives: fact('Service Bus quotas', { date: '2022-07-19' })(
    5_000,
    'concurrent receives',
    'a topic, over all its subscriptions',
  ),
  cosmosContainer: cosmosLimit(1_000_000, 'RU/s', 'a container, unless Microsoft raises it'),
  cosmosPartitionUnits: cosmosLimit(10_000, 'RU/s', 'a partition, logical or physical'),
  cosmosPartitionGb: cosmosLimit(20, 'GB', 'a logical partition: all that one user has'),
  cosmosUnitsPerGb: cosmosLimit(
    1,
    'RU/s for a GB',
    'the least throughput; autoscale goes down to a tenth of its maximum, which must be ten times as much',
  ),
  cosmosPhysicalGb: fact('Frequently asked questions about autoscale provisioned throughput', {
    date: '2022-04-01',
  })(50, 'GB', 'a physical partition; the container’s RU/s are shared out evenly among them'),
  appsCores: fact('Quotas for Azure Container Apps')(100, 'processors', 'an environment, by default'),
  modelTokens: fact('Azure OpenAI quotas and limits', { isConfirmed: false })(
    5_000_000,
    'tokens a minute',
    'the page’s example, of another model: your subscription’s own quota counts',
  ),
} satisfies Record<string, Fact>;

/** What nobody can look up, and how the worker is deployed. */
export const assumptions = {
  peakFactor: assumed(4, 'times', 'the busiest second over the mean of the day'),
  meanOfHourlyPeaks: assumed(
    0.4,
    'of the busiest second',
    'the mean of each hour’s busiest second: what autoscale and replicas are paid by',
  ),
  headroom: assumed(0.7, 'of what a thing can do', 'used in the busiest second'),
  retentionDays: assumed(
    365,
    'days',
    'conversations are kept; costs are those once it has gone on that long',
  ),
  eventBytes: assumed(1_000, 'bytes', 'an event with its properties and what AMQP adds'),
  operationsPerEvent: fact('Service Bus pricing, FAQ, quoted', { isConfirmed: false })(
    3,
    'billed operations',
    'send, receive, complete; the renewal of a lock is one more',
  ),
  creditsPerEvent: busThrottling(3, 'credits', 'send, the filter of one subscription, receive'),
  titleInputTokens: assumed(400, 'tokens', 'instructions and the beginning of a conversation'),
  titleOutputTokens: assumed(
    20,
    'tokens',
    'of a model that does not reason: 300 tokens of that cost more than the rest',
  ),
  telemetryBytes: assumed(
    10_000,
    'bytes an event',
    'seven spans and the lines of the log, nothing sampled away',
  ),
  telemetryCpu: fact('docs/observability.md, What it costs')(
    0.43,
    'more processor time',
    'with Azure Monitor, over none',
  ),
  pageLimitKb: fact('src/settings.ts')(1_950, 'KB', 'PAGE_LIMIT_KB'),
  linksPerInstance: fact('src/azure/service-bus-links.ts')(16, 'concurrent receives', 'an instance'),
  instanceVcpu: shipped(0.5, 'processors', 'an instance'),
  instanceGib: shipped(1, 'GiB', 'an instance'),
  maxReplicas: shipped(10, 'instances', 'at the most'),
  maxThroughput: shipped(1_000, 'RU/s', 'autoscale maximum'),
  modelTokensShipped: shipped(50_000, 'tokens a minute', 'capacity of the title model'),
} satisfies Record<string, Fact>;

const all = { ...prices, ...limits, ...assumptions };

export type FactName = keyof typeof all;
export const facts: Record<FactName, Fact> = all;

/** The figures by name, which is all that is computed with. */
export type Figures = Record<FactName, number>;

export const published = Object.fromEntries(
  Object.entries(facts).map(([name, { value }]) => [name, value]),
) as Figures;
