import { type Contestant, start } from './contestants.ts';
import { drain } from './drain.ts';
import type { Load } from './load.ts';
import { long } from './long.ts';
import { startStandIns } from './stand-ins.ts';
import type { Figures } from './statistics.ts';
import { steady } from './steady.ts';

/** One measurement; a scenario makes each of its own once a round. */
export type Entry = { who: string; sample?: string; measure(): Promise<Figures> };
export type Scenario = {
  name: string;
  about: string;
  rounds: number;
  /** The figure that is compared, and whether less of it is better. */
  compared: { figure: string; lessIsBetter?: boolean };
  entries: Entry[];
};

const AT_32 = { MAX_CONCURRENCY: '32' };
/** As between services of one region. */
const AZURE = { serviceBus: 10, redis: 1, cosmos: 8, chat: 800 };
const turns10 = (conversations: number): Load => ({ conversations, turns: 10, answerBytes: 300 });

const draining = (
  who: Contestant,
  load: Load,
  options: Partial<Parameters<typeof drain>[0]> = {},
): Entry => ({
  who,
  sample: `${load.conversations * load.turns} events`,
  measure: () => drain({ contestant: who, load, environment: AT_32, ...options }),
});

export const scenarios: Scenario[] = [
  {
    name: 'backlog',
    about: '20,000 events of 2,000 conversations of 10 turns, already waiting',
    rounds: 3,
    compared: { figure: 'perSecond' },
    entries: [
      draining('ceiling', turns10(2_000)),
      draining('worker', turns10(2_000)),
      draining('reference', turns10(200)),
      draining('referenceTitledOnce', turns10(400)),
    ],
  },
  {
    name: 'steady',
    about: '200 events a second of 200 chats that go on: from the send until it is settled',
    rounds: 2,
    compared: { figure: 'p99Ms', lessIsBetter: true },
    entries: (['ceiling', 'worker', 'referenceTitledOnce'] as const).map((who) => ({
      who,
      sample: '2,000 events',
      measure: () => steady(who, 10),
    })),
  },
  {
    name: 'azure',
    about: 'a backlog with the delays of real services: Service Bus 10 ms, Redis 1, Cosmos DB 8, titles 800',
    rounds: 1,
    compared: { figure: 'perSecond' },
    entries: [
      draining('worker', turns10(400), { delays: AZURE }),
      draining('reference', turns10(40), { delays: AZURE }),
      draining('referenceTitledOnce', turns10(100), { delays: AZURE }),
    ],
  },
  {
    name: 'long',
    about: 'one chat of 250 turns of 4 KB, each made durable before the next',
    rounds: 1,
    compared: { figure: 'requestUnits', lessIsBetter: true },
    entries: [
      { who: 'worker', measure: () => long('worker') },
      { who: 'workerAt64Kb', measure: () => long('worker', { PAGE_LIMIT_KB: '64' }) },
      { who: 'reference', measure: () => long('reference') },
      { who: 'referenceTitledOnce', measure: () => long('referenceTitledOnce') },
    ],
  },
  {
    name: 'titles',
    about: 'new conversations, a model that takes 300 ms, MAX_CONCURRENCY 4, and so 16 titles at a time',
    rounds: 1,
    compared: { figure: 'perSecond' },
    entries: (['worker', 'reference'] as const).map((who) => {
      const load = { conversations: who === 'worker' ? 400 : 100, turns: 1, answerBytes: 300 };
      return draining(who, load, {
        delays: { chat: 300 },
        environment: { MAX_CONCURRENCY: '4', MAX_LOCKED_EVENTS: '64' },
      });
    }),
  },
  {
    name: 'scale',
    about: 'the azure backlog with 1, 2 and 4 workers at MAX_CONCURRENCY 4',
    rounds: 1,
    compared: { figure: 'perSecond' },
    entries: [1, 2, 4].map((processes) => ({
      ...draining('worker', turns10(400), {
        delays: AZURE,
        processes,
        environment: { MAX_CONCURRENCY: '4' },
      }),
      who: processes === 1 ? 'worker' : `${processes} workers`,
    })),
  },
  {
    name: 'memory',
    about: '100,000 events of 10,000 conversations waiting: resident memory at each quarter, and its peak',
    rounds: 1,
    compared: { figure: 'peakMb', lessIsBetter: true },
    entries: [{ who: 'worker', sample: '100,000 events', measure: memory }],
  },
  {
    name: 'start',
    about: 'from the spawn of the process until it receives, in milliseconds',
    rounds: 3,
    compared: { figure: 'startMs', lessIsBetter: true },
    entries: [
      { who: 'ceiling', measure: () => starting('ceiling') },
      { who: 'worker', measure: () => starting('worker') },
      { who: 'workerWithMetrics', measure: () => starting('worker', { HEALTH_PORT: '0' }) },
      {
        who: 'workerWithOtlp',
        measure: () => starting('worker', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }),
      },
      {
        who: 'workerWithAzureMonitor',
        measure: () => starting('worker', { APPLICATIONINSIGHTS_CONNECTION_STRING: NOWHERE }),
      },
    ],
  },
];

/** Nobody listens there: that is not waited for. */
const NOWHERE =
  'InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=https://127.0.0.1:9/;LiveEndpoint=https://127.0.0.1:9/';

async function memory(): Promise<Figures> {
  const load = turns10(10_000);
  const quarters: Figures = {};
  const figures = await drain({
    contestant: 'worker',
    load,
    environment: { ...AT_32, LOG_LEVEL: 'INFO' },
    watch([worker], completed) {
      const quarter = Math.floor((completed * 4) / (load.conversations * load.turns));
      if (quarter > 0) quarters[`rssMbAfter${quarter * 25}Percent`] ??= worker!.rssMb();
    },
  });
  return { ...figures, ...quarters };
}

async function starting(who: Contestant, environment = {}): Promise<Figures> {
  const standIns = await startStandIns();
  try {
    const settings = { ...standIns.environment, ...AT_32, LOG_LEVEL: 'INFO', ...environment };
    const running = await start(who, settings);
    const figures = { startMs: running.receivingMs, rssMb: running.rssMb() };
    await running.stop();
    return figures;
  } finally {
    await standIns.close();
  }
}
