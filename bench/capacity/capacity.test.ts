import { describe, expect, test } from 'vitest';
import { capacityOf, instanceRate, meanTurn } from './capacity.ts';
import { knownLimits, nextLimit, oneUser, reachedLimits } from './limits.ts';
import type { Measured } from './measured.ts';
import { published } from './prices.ts';
import { factCells, people } from './tables.ts';

const measured: Measured = {
  when: '2026-01-01',
  perSecond: 200,
  scalingShare: 0.8,
  cpuMs: 1,
  titleRequests: { 1: 1, 2: 1.1, 4: 1.2 },
  scale: [],
};
const usual = { turnsPerDay: 10, turnKb: 2, conversationTurns: 10 };
const of = (users: number, figures = published) => capacityOf({ ...usual, users }, figures, measured);
const users = Array.from({ length: 30 }, (_, step) => Math.round(1_000 * 1.5 ** step));

test('a row, computed by hand', () => {
  const figures = {
    ...published,
    ...{ peakFactor: 4, meanOfHourlyPeaks: 0.5, headroom: 0.5, retentionDays: 100, telemetryCpu: 0.25 },
    ...{ instanceVcpu: 0.5, instanceGib: 1, appsVcpu: 0.00002, appsGib: 0.000002 },
    ...{ cosmosAutoscale: 0.01, cosmosStorage: 0.25, busPremiumUnit: 1, eventBytes: 1_000 },
    ...{ titleInputTokens: 400, titleOutputTokens: 20, titleInput: 0.2, titleOutput: 1 },
    ...{ telemetryBytes: 1_000, telemetryGb: 2 },
  };
  const turn = {
    alone: { requestUnits: 8, writtenBytes: 0 },
    shared: { requestUnits: 10, writtenBytes: 0 },
  };
  const workload = { users: 2_160_000, turnsPerDay: 10, turnKb: 1, conversationTurns: 5 };
  const row = capacityOf(workload, figures, measured, turn);
  // 21.6 million events a day are 250 a second, and 1,000 in the busiest one.
  expect(row.eventsPerDay).toBe(21_600_000);
  expect(row.eventsPerSecond).toBeCloseTo(1_000);
  // 0.5 processors at 1.25 ms do 400, waiting allows 200; of that half, and 0.8 of that beside others: 80.
  expect(row.instances).toBe(13);
  expect(row.requestUnitsPerSecond).toBeCloseTo(10_000);
  // 21.6 million times 100 days times 1,024 bytes.
  expect(row.storedGb).toBeCloseTo(2_211.84);
  // Traffic: 10,000 / 0.5. Storage: 22,118.4, the larger one, rounded up.
  expect(row.autoscaleMax).toBe(23_000);
  // 3,000 credits are too many for Standard. 1,000,000 bytes of 2,000,000.
  expect(row.messagingUnits).toBe(1);
  expect(row.titlesPerSecond).toBeCloseTo(240);
  expect(row.titleTokensPerMinute).toBeCloseTo(240 * 60 * 420);
  // 6.5 instances at 0.000012 $ a second, 730 hours.
  expect(row.costs.instances).toBeCloseTo(204.98, 2);
  // 5,000 RU/s, which is more than a tenth of 23,000.
  expect(row.costs.throughput).toBeCloseTo(365);
  expect(row.costs.storage).toBeCloseTo(552.96);
  expect(row.costs.serviceBus).toBeCloseTo(730);
  // 657 million events a month, 157.68 million titles at 80 + 20 $ a million.
  expect(row.costs.titles).toBeCloseTo(15_768);
  expect(row.monthly).toBeCloseTo(204.984 + 365 + 552.96 + 730 + 15_768);
  expect(row.telemetry).toBeCloseTo(1_314);
});

test('operations of Standard are paid by steps', () => {
  const figures = { ...published, busStandardBase: 0.01, busCredits: 1e9, operationsPerEvent: 3 };
  const costAt = (events: number): number => {
    const daily = { users: (events * 24) / 730, turnsPerDay: 1, turnKb: 1, conversationTurns: 1 };
    return capacityOf(daily, figures, measured).costs.serviceBus - 7.3;
  };
  expect(costAt(4e6)).toBeCloseTo(0);
  expect(costAt(40e6 / 3)).toBeCloseTo(27 * 0.8);
  expect(costAt(1_000e6 / 3)).toBeCloseTo(87 * 0.8 + 900 * 0.5);
  expect(costAt(3_000e6 / 3)).toBeCloseTo(87 * 0.8 + 2_400 * 0.5 + 500 * 0.2);
});

describe('as users grow', () => {
  const rows = users.map((count) => of(count));

  test.each([
    ['events', (row: (typeof rows)[number]) => row.eventsPerSecond],
    ['instances', (row: (typeof rows)[number]) => row.instances],
    ['RU/s', (row: (typeof rows)[number]) => row.requestUnitsPerSecond],
    ['autoscale', (row: (typeof rows)[number]) => row.autoscaleMax],
    ['messaging units', (row: (typeof rows)[number]) => row.messagingUnits],
    ['titles', (row: (typeof rows)[number]) => row.titlesPerSecond],
    ['the cost of a month', (row: (typeof rows)[number]) => row.monthly],
    ['telemetry', (row: (typeof rows)[number]) => row.telemetry],
  ])('%s never become fewer', (_, figure) => {
    const values = rows.map(figure);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
    expect(values.at(-1)).toBeGreaterThan(values[0]!);
  });

  test('units are whole, and never fewer than the traffic needs', () => {
    const { headroom, busUnitBytes, eventBytes, busUnits } = published;
    for (const row of rows) {
      expect(row.instances % 1).toBe(0);
      expect(row.autoscaleMax % 1_000).toBe(0);
      expect(row.autoscaleMax * headroom).toBeGreaterThanOrEqual(row.requestUnitsPerSecond);
      expect(row.autoscaleMax).toBeGreaterThanOrEqual(row.storedGb * 10);
      expect(row.instances * instanceRate(published, measured)).toBeGreaterThan(row.eventsPerSecond);
      if (row.messagingUnits === 0) continue;
      expect(row.messagingUnits * busUnitBytes * headroom).toBeGreaterThanOrEqual(
        row.eventsPerSecond * eventBytes,
      );
      expect([1, 2, 4, 8, 16, 32].includes(row.messagingUnits) || row.messagingUnits % busUnits === 0).toBe(
        true,
      );
    }
    expect(new Set(rows.map((row) => row.messagingUnits)).size).toBeGreaterThan(4);
  });
});

test('an instance does what its processors and its waiting both allow, and telemetry takes its part', () => {
  const figures = { ...published, instanceVcpu: 0.5, telemetryCpu: 0.25 };
  expect(instanceRate(figures, { ...measured, perSecond: 200, cpuMs: 1 })).toBe(200);
  expect(instanceRate(figures, { ...measured, perSecond: 200, cpuMs: 4 })).toBe(100);
});

test('where much is stored and little happens, a tenth of what autoscale is allowed is paid', () => {
  const figures = { ...published, retentionDays: 3_650, cosmosAutoscale: 0.01 };
  const row = of(1e6, figures);
  expect(row.autoscaleMax).toBe(748_000);
  expect(row.costs.throughput).toBeCloseTo(748 * 0.01 * 730);
});

test('even one user needs an instance, and the least autoscale', () => {
  expect(of(1)).toMatchObject({ instances: 1, autoscaleMax: 1_000, messagingUnits: 0 });
});

test('longer conversations cost more request units a turn, and fewer titles', () => {
  const at = (conversationTurns: number) =>
    capacityOf({ ...usual, users: 1e6, conversationTurns }, published, measured);
  expect(at(100).requestUnitsPerEvent).toBeGreaterThan(at(10).requestUnitsPerEvent);
  expect(at(100).costs.titles).toBeLessThan(at(10).costs.titles);
});

test('a smaller page limit costs fewer request units where conversations are long', () => {
  const unitsAt = (pageLimitKb: number): number =>
    meanTurn({ ...usual, conversationTurns: 250 }, { ...published, pageLimitKb }).shared.requestUnits;
  expect(unitsAt(64)).toBeLessThan(unitsAt(256));
  expect(unitsAt(256)).toBeLessThan(unitsAt(1_950));
});

describe('limits', () => {
  const reached = reachedLimits(usual, published, measured);

  test('each is named once, the first one first, with what to do', () => {
    expect(reached.map((limit) => limit.name).toSorted()).toEqual(
      knownLimits.map((limit) => limit.name).toSorted(),
    );
    expect(reached.map((limit) => limit.users)).toEqual(
      reached.map((limit) => limit.users).toSorted((a, b) => a - b),
    );
    for (const { remedy } of reached) expect(remedy.length).toBeGreaterThan(10);
  });

  test.each(reached)('$name is reached at $users users, and not by one user fewer', ({ name, users: at }) => {
    const limit = knownLimits.find((one) => one.name === name)!;
    expect(limit.share(of(at), published)).toBeGreaterThanOrEqual(1);
    expect(limit.share(of(at - 1), published)).toBeLessThan(1);
  });

  test.each([
    ['busCredits', 'Service Bus Standard: credits of a namespace'],
    ['busUnitBytes', 'one messaging unit of Premium'],
    ['busReceives', 'concurrent receives of the topic'],
    ['cosmosContainer', 'RU/s of a container'],
    ['modelTokens', 'quota of the title model'],
    ['appsCores', 'processors of a Container Apps environment'],
  ] as const)('with a tiny %s that limit comes first', (figure, name) => {
    const [first] = reachedLimits(usual, { ...published, [figure]: 1e-6 }, measured);
    expect(first!.name).toBe(name);
  });

  test('what comes next is the first that so many users have not reached', () => {
    const [first, second] = reached;
    expect(nextLimit(reached, first!.users - 1)).toEqual({ passed: 0, next: first });
    expect(nextLimit(reached, first!.users)).toEqual({ passed: 1, next: second });
    expect(nextLimit(reached, 1e12)).toEqual({ passed: reached.length });
  });

  test('one user fills 20 GB with so many times the turns of the mean one', () => {
    // 10 turns of 2 KB on each of 365 days: 7.4752 MB.
    const { byStorage, byRequestUnits } = oneUser({ ...usual, users: 1e6 }, published, measured);
    expect(byStorage).toBeCloseTo(20e9 / (10 * 2_048 * 365));
    expect(byRequestUnits).toBeGreaterThan(byStorage);
    const [kept, long] = [
      { ...published, retentionDays: 1 },
      { ...usual, conversationTurns: 500 },
    ];
    const short = oneUser({ ...long, users: 1e6 }, kept, measured);
    expect(short.byRequestUnits).toBeLessThan(short.byStorage);
  });
});

test('what nobody confirmed is marked', () => {
  const [, ...cells] = factCells(['cosmosStorage', 'busPremiumUnit']);
  expect(cells.map((row) => row.at(-1))).toEqual(['', '**check**']);
});

test('users are told to three figures', () => {
  expect([1, 999, 13_378, 1e6, 41_748_210, Number.POSITIVE_INFINITY].map(people)).toEqual([
    ...['1', '999', '13.4 K', '1 M', '41.7 M', 'never'],
  ]);
});
