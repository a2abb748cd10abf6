import { type TurnCost, turnCosts } from './conversation-cost.ts';
import type { Measured } from './measured.ts';
import type { Figures } from './prices.ts';

export type Workload = {
  /** Who chat on a day. */
  users: number;
  turnsPerDay: number;
  /** Of a question and its answer, as JSON. */
  turnKb: number;
  conversationTurns: number;
};

/** The mean of a turn of such a conversation. */
export type MeanTurn = { alone: TurnCost; shared: TurnCost };

export type Capacity = {
  users: number;
  eventsPerDay: number;
  /** In the busiest second, as are the others. */
  eventsPerSecond: number;
  instances: number;
  requestUnitsPerEvent: number;
  requestUnitsPerSecond: number;
  /** What autoscale is to be allowed: for the traffic, or for what is stored, which asks for a least throughput. */
  autoscaleMax: number;
  storedGb: number;
  /** 0: Standard will do. */
  messagingUnits: number;
  titlesPerSecond: number;
  titleTokensPerMinute: number;
  /** In dollars a month. */
  costs: { instances: number; throughput: number; storage: number; serviceBus: number; titles: number };
  monthly: number;
  /** Not in `monthly`: Application Insights, if nothing is sampled away. */
  telemetry: number;
};

const SECONDS_PER_DAY = 86_400;
const HOURS_PER_MONTH = 730;
const DAYS_PER_MONTH = HOURS_PER_MONTH / 24;
const UNIT_SIZES = [1, 2, 4, 8, 16, 32, 64];
const AUTOSCALE_STEP = 1_000;
const MILLION = 1e6;

/** Of the conversation: the same for any number of users. */
export function meanTurn(
  { turnKb, conversationTurns }: Pick<Workload, 'turnKb' | 'conversationTurns'>,
  { pageLimitKb }: Figures,
): MeanTurn {
  const talk = { turns: conversationTurns, turnBytes: turnKb * 1024, pageLimitKb };
  return {
    alone: mean(turnCosts({ ...talk, isRemembered: true })),
    shared: mean(turnCosts({ ...talk, isRemembered: false })),
  };
}

const mean = (costs: readonly TurnCost[]): TurnCost => ({
  requestUnits: costs.reduce((sum, cost) => sum + cost.requestUnits, 0) / costs.length,
  writtenBytes: costs.reduce((sum, cost) => sum + cost.writtenBytes, 0) / costs.length,
});

/** What so many users need and cost. Everything that is bought in units is rounded up. */
export function capacityOf(
  workload: Workload,
  figures: Figures,
  measured: Measured,
  turn: MeanTurn = meanTurn(workload, figures),
): Capacity {
  const { users, turnsPerDay, turnKb, conversationTurns } = workload;
  const { headroom, meanOfHourlyPeaks } = figures;
  const eventsPerDay = users * turnsPerDay;
  const eventsPerSecond = (eventsPerDay / SECONDS_PER_DAY) * figures.peakFactor;
  const events = eventsPerDay * DAYS_PER_MONTH;

  const instances = instancesFor(eventsPerSecond, figures, measured);
  const requestUnitsPerEvent = (instances > 1 ? turn.shared : turn.alone).requestUnits;
  const requestUnitsPerSecond = eventsPerSecond * requestUnitsPerEvent;
  const storedGb = (eventsPerDay * figures.retentionDays * turnKb * 1024) / 1e9;
  const autoscaleMax = roundUp(
    Math.max(requestUnitsPerSecond / headroom, storedGb * figures.cosmosUnitsPerGb * 10),
    AUTOSCALE_STEP,
  );
  const messagingUnits = messagingUnitsFor(eventsPerSecond, figures);
  const requests = measured.titleRequests[instances >= 4 ? 4 : instances >= 2 ? 2 : 1];
  const titlesPerSecond = (eventsPerSecond / conversationTurns) * requests;
  const titles = (events / conversationTurns) * requests;
  const { titleInputTokens, titleOutputTokens } = figures;

  const instanceSecond = figures.instanceVcpu * figures.appsVcpu + figures.instanceGib * figures.appsGib;
  const costs = {
    instances: Math.max(1, instances * meanOfHourlyPeaks) * instanceSecond * HOURS_PER_MONTH * 3_600,
    throughput:
      (Math.max(autoscaleMax / 10, requestUnitsPerSecond * meanOfHourlyPeaks) / 100) *
      figures.cosmosAutoscale *
      HOURS_PER_MONTH,
    storage: storedGb * figures.cosmosStorage,
    serviceBus:
      messagingUnits === 0
        ? standardCost(events * figures.operationsPerEvent, figures)
        : messagingUnits * figures.busPremiumUnit * HOURS_PER_MONTH,
    titles:
      (titles / MILLION) * (titleInputTokens * figures.titleInput + titleOutputTokens * figures.titleOutput),
  };
  return {
    users,
    eventsPerDay,
    eventsPerSecond,
    instances,
    requestUnitsPerEvent,
    requestUnitsPerSecond,
    autoscaleMax,
    storedGb,
    messagingUnits,
    titlesPerSecond,
    titleTokensPerMinute: titlesPerSecond * 60 * (titleInputTokens + titleOutputTokens),
    costs,
    monthly: Object.values(costs).reduce((sum, cost) => sum + cost, 0),
    telemetry: ((events * figures.telemetryBytes) / 1e9) * figures.telemetryGb,
  };
}

/** What one instance does in a second: bound by its processors, or by waiting for others, whichever is less. */
export function instanceRate(figures: Figures, { perSecond, cpuMs }: Measured): number {
  const byCpu = (figures.instanceVcpu * 1_000) / (cpuMs * (1 + figures.telemetryCpu));
  return Math.min(perSecond, byCpu);
}

function instancesFor(eventsPerSecond: number, figures: Figures, measured: Measured): number {
  const rate = instanceRate(figures, measured) * figures.headroom;
  if (eventsPerSecond <= rate) return 1;
  return Math.max(2, Math.ceil(eventsPerSecond / (rate * measured.scalingShare)));
}

/** 0 while Standard will do; what is beyond one namespace is made of whole ones. */
function messagingUnitsFor(eventsPerSecond: number, figures: Figures): number {
  const { busCredits, creditsPerEvent, busUnitBytes, busUnits, eventBytes, headroom } = figures;
  if (eventsPerSecond * creditsPerEvent <= busCredits * headroom) return 0;
  const needed = (eventsPerSecond * eventBytes) / (busUnitBytes * headroom);
  const size = UNIT_SIZES.find((units) => units >= needed && units <= busUnits);
  return size ?? roundUp(needed, busUnits);
}

/** Operations a month, by steps. */
function standardCost(operations: number, figures: Figures): number {
  const between = (from: number, to: number): number =>
    Math.max(0, Math.min(operations / MILLION, to) - from);
  return (
    figures.busStandardBase * HOURS_PER_MONTH +
    between(13, 100) * figures.busStandardTo100M +
    between(100, 2_500) * figures.busStandardTo2500M +
    between(2_500, Number.POSITIVE_INFINITY) * figures.busStandardBeyond
  );
}

const roundUp = (value: number, step: number): number => Math.max(1, Math.ceil(value / step)) * step;
