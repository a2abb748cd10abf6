import { attribute, event, round } from './names.ts';

export type Metric = {
  name: string;
  kind: 'counter' | 'histogram' | 'gauge';
  /** As UCUM has it: s, By, or a word in braces for what is counted. */
  unit: string;
  description: string;
  attributes: readonly string[];
  /** Upper bounds of a histogram's buckets. */
  boundaries?: readonly number[];
};

/** Of ours, on metrics alone; those of spans are used where they say the same. */
export const label = {
  /** service-bus, redis, cosmos or titles. */
  dependency: 'app.dependency',
  /** round, or memory: this process knew it to be stored already. */
  durableBy: 'app.event.durable_by',
  /** stored, overtaken, refused, unusable or unavailable. */
  titleResult: 'app.title.result',
} as const;

const SUBSCRIPTION = [
  attribute.MESSAGING_SYSTEM_NAME,
  attribute.MESSAGING_DESTINATION_NAME,
  attribute.MESSAGING_DESTINATION_SUBSCRIPTION_NAME,
];

/** From a few milliseconds to what Redis remembers: 1 h and 12 h, which are alerted on, are among them. */
const TO_A_DAY = [
  0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800,
  43_200, 64_800, 86_400,
];
const TO_TEN_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * Every metric that the worker makes. docs/observability.md's table, and the check of every name in deploy/, come from here.
 * No attribute is an id: their values are few.
 */
export const metrics = {
  consumed: {
    name: 'messaging.client.consumed.messages',
    kind: 'counter',
    unit: '{message}',
    description: 'events received, each delivery counted',
    attributes: SUBSCRIPTION,
  },
  redelivered: {
    name: 'history_worker.events.redelivered',
    kind: 'counter',
    unit: '{message}',
    description: 'deliveries of events that had been delivered before',
    attributes: [],
  },
  settled: {
    name: 'history_worker.events.settled',
    kind: 'counter',
    unit: '{message}',
    description: 'events by what became of them: complete, abandon, dead-letter, or lost (delivered again)',
    attributes: [event.outcome, attribute.ERROR_TYPE],
  },
  durable: {
    name: 'history_worker.events.durable',
    kind: 'counter',
    unit: '{message}',
    description: 'events whose turn history holds, by a round or because it was known to be stored already',
    attributes: [label.durableBy],
  },
  inHand: {
    name: 'history_worker.events.in_hand',
    kind: 'gauge',
    unit: '{message}',
    description: 'events received and not yet settled',
    attributes: [],
  },
  processDuration: {
    name: 'messaging.process.duration',
    kind: 'histogram',
    unit: 's',
    description: 'from receipt to settlement',
    attributes: [...SUBSCRIPTION, attribute.ERROR_TYPE],
    boundaries: TO_A_DAY,
  },
  durableDuration: {
    name: 'history_worker.event.receipt_to_durable',
    kind: 'histogram',
    unit: 's',
    description: 'from receipt until history holds the turn',
    attributes: [],
    boundaries: TO_A_DAY,
  },
  ageAtReceipt: {
    name: 'history_worker.event.age_at_receipt',
    kind: 'histogram',
    unit: 's',
    description: 'from the turn’s completion, by the publisher’s clock, to receipt',
    attributes: [],
    boundaries: TO_A_DAY,
  },
  ageAtDurability: {
    name: 'history_worker.event.age_at_durability',
    kind: 'histogram',
    unit: 's',
    description: 'from the turn’s completion, by the publisher’s clock, until history holds it',
    attributes: [],
    boundaries: TO_A_DAY,
  },
  oldestInHand: {
    name: 'history_worker.events.oldest_in_hand',
    kind: 'gauge',
    unit: 's',
    description: 'how long the event that has been in hand for longest has been so; 0 when there is none',
    attributes: [],
  },
  oldest: {
    name: 'history_worker.subscription.oldest_event',
    kind: 'gauge',
    unit: 's',
    description:
      'age of the oldest event in the subscription, whoever holds it; 0 when there is none. Redis forgets after 24 h',
    attributes: [],
  },
  backlog: {
    name: 'history_worker.subscription.backlog',
    kind: 'gauge',
    unit: '{message}',
    description: 'events in the subscription, where the identity may read it (Manage)',
    attributes: [],
  },
  deadLetters: {
    name: 'history_worker.subscription.dead_letters',
    kind: 'gauge',
    unit: '{message}',
    description: 'dead letters of the subscription, where the identity may read it (Manage)',
    attributes: [],
  },
  gateOpen: {
    name: 'history_worker.gate.open',
    kind: 'gauge',
    unit: '{gate}',
    description: '1 while the service is there, 0 while it is away',
    attributes: [label.dependency],
  },
  gateClosedFor: {
    name: 'history_worker.gate.closed_for',
    kind: 'gauge',
    unit: 's',
    description: 'for how long the service has been away; 0 while it is there',
    attributes: [label.dependency],
  },
  roundEvents: {
    name: 'history_worker.round.events',
    kind: 'histogram',
    unit: '{message}',
    description: 'events that one read and one write have covered together',
    attributes: [],
    boundaries: [1, 2, 3, 5, 10, 20, 50, 100, 200],
  },
  roundDuration: {
    name: 'history_worker.round.duration',
    kind: 'histogram',
    unit: 's',
    description: 'of the work on a conversation, tried again where it failed',
    attributes: [attribute.ERROR_TYPE],
    boundaries: TO_TEN_SECONDS,
  },
  conversationSize: {
    name: 'history_worker.conversation.size',
    kind: 'histogram',
    unit: 'By',
    description: 'of the snapshots read from Redis',
    attributes: [],
    boundaries: [1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 2_097_152, 10_485_760],
  },
  writes: {
    name: 'history_worker.writes',
    kind: 'counter',
    unit: '{write}',
    description:
      'what was written to history: create, replace, patch (a title), segment (a page), or none where all was there',
    attributes: [round.write],
  },
  conflicts: {
    name: 'history_worker.write.conflicts',
    kind: 'counter',
    unit: '{write}',
    description: 'conditional writes that another writer had overtaken',
    attributes: [],
  },
  retries: {
    name: 'history_worker.call.retries',
    kind: 'counter',
    unit: '{retry}',
    description: 'attempts beyond the first within a call',
    attributes: [label.dependency],
  },
  titles: {
    name: 'history_worker.titles',
    kind: 'counter',
    unit: '{title}',
    description: 'titles that the model was asked for, by what came of it',
    attributes: [label.titleResult],
  },
  databaseDuration: {
    name: 'db.client.operation.duration',
    kind: 'histogram',
    unit: 's',
    description: 'of calls to Redis and Cosmos DB',
    attributes: [
      attribute.DB_SYSTEM_NAME,
      attribute.DB_OPERATION_NAME,
      attribute.DB_RESPONSE_STATUS_CODE,
      attribute.ERROR_TYPE,
    ],
    boundaries: TO_TEN_SECONDS,
  },
  requestCharge: {
    name: 'azure.cosmosdb.client.operation.request_charge',
    kind: 'histogram',
    unit: '{request_unit}',
    description: 'request units of calls to Cosmos DB',
    attributes: [attribute.DB_OPERATION_NAME, attribute.DB_RESPONSE_STATUS_CODE],
    boundaries: [1, 5, 10, 25, 50, 100, 250, 500, 1_000],
  },
  modelDuration: {
    name: 'gen_ai.client.operation.duration',
    kind: 'histogram',
    unit: 's',
    description: 'of requests to the title model, retries included',
    attributes: [
      attribute.GEN_AI_OPERATION_NAME,
      attribute.GEN_AI_PROVIDER_NAME,
      attribute.GEN_AI_REQUEST_MODEL,
      attribute.HTTP_RESPONSE_STATUS_CODE,
      attribute.ERROR_TYPE,
    ],
    boundaries: [0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
  },
  modelTokens: {
    name: 'gen_ai.client.token.usage',
    kind: 'histogram',
    unit: '{token}',
    description: 'tokens of a request to the title model and of its answer',
    attributes: [
      attribute.GEN_AI_OPERATION_NAME,
      attribute.GEN_AI_PROVIDER_NAME,
      attribute.GEN_AI_REQUEST_MODEL,
      attribute.GEN_AI_TOKEN_TYPE,
    ],
    boundaries: [1, 4, 16, 64, 256, 1_024, 4_096, 16_384],
  },
  serviceBusDuration: {
    name: 'messaging.client.operation.duration',
    kind: 'histogram',
    unit: 's',
    description: 'of settlements, lock renewals and probes; of receives only where they fail',
    attributes: [attribute.MESSAGING_SYSTEM_NAME, attribute.MESSAGING_OPERATION_NAME, attribute.ERROR_TYPE],
    boundaries: TO_TEN_SECONDS,
  },
  memory: {
    name: 'process.memory.usage',
    kind: 'gauge',
    unit: 'By',
    description: 'resident memory',
    attributes: [],
  },
  heapUsed: {
    name: 'history_worker.heap.used',
    kind: 'gauge',
    unit: 'By',
    description: 'heap in use, as of the last collection that happened to come',
    attributes: [],
  },
  cpuTime: {
    name: 'process.cpu.time',
    kind: 'counter',
    unit: 's',
    description: 'processor time since the start',
    attributes: [attribute.CPU_MODE],
  },
  loopDelayP50: {
    name: 'nodejs.eventloop.delay.p50',
    kind: 'gauge',
    unit: 's',
    description: 'how late timers came: half of them no later, within the last seconds',
    attributes: [],
  },
  loopDelayP99: {
    name: 'nodejs.eventloop.delay.p99',
    kind: 'gauge',
    unit: 's',
    description: 'how late timers came: 99 % of them no later, within the last seconds',
    attributes: [],
  },
  loopDelayMax: {
    name: 'nodejs.eventloop.delay.max',
    kind: 'gauge',
    unit: 's',
    description: 'how late the latest timer came within the last seconds',
    attributes: [],
  },
  loopUtilization: {
    name: 'nodejs.eventloop.utilization',
    kind: 'gauge',
    unit: '1',
    description: 'share of the last seconds in which the event loop was busy',
    attributes: [],
  },
} as const satisfies Record<string, Metric>;

export type MetricKey = keyof typeof metrics;

const units: Readonly<Record<string, string>> = { s: 'seconds', By: 'bytes', '1': 'ratio' };

/**
 * How a metric is called in Prometheus, whether it is scraped or comes over OTLP: by OpenTelemetry's rules, with its unit. A
 * histogram has `_bucket`, `_sum` and `_count` behind it.
 */
export function prometheusName({ name, unit, kind }: Pick<Metric, 'name' | 'unit' | 'kind'>): string {
  const suffix = units[unit];
  const named = `${name}${suffix ? `_${suffix}` : ''}`.replace(/[^a-zA-Z0-9_]/g, '_');
  return kind === 'counter' ? `${named}_total` : named;
}
