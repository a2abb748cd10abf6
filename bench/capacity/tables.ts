import { type Capacity, capacityOf, instanceRate, meanTurn, type Workload } from './capacity.ts';
import { documentOf, turnCosts } from './conversation-cost.ts';
import { indexedValues } from './indexed-values.ts';
import { nextLimit, oneUser, type Reached, reachedLimits } from './limits.ts';
import type { Measured } from './measured.ts';
import { type Fact, type FactName, type Figures, facts } from './prices.ts';

export const SIZES = [1e3, 1e4, 1e5, 1e6, 1e7];
export const USUAL: Omit<Workload, 'users'> = { turnsPerDay: 10, turnKb: 2, conversationTurns: 10 };

export type Row = { capacity: Capacity; passed: number; next?: Reached };

export function rowsOf(
  sizes: readonly number[],
  workload: Omit<Workload, 'users'>,
  figures: Figures,
  measured: Measured,
): { rows: Row[]; reached: Reached[]; oneUser: string } {
  const turn = meanTurn(workload, figures);
  const reached = reachedLimits(workload, figures, measured, turn);
  const rows = sizes.map((users) => ({
    capacity: capacityOf({ ...workload, users }, figures, measured, turn),
    ...nextLimit(reached, users),
  }));
  const most = { ...workload, users: sizes.at(-1)! };
  return { rows, reached, oneUser: oneUserLine(most.users, oneUser(most, figures, measured, turn), figures) };
}

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
const dollars = (value: number): string => `$${value < 10 ? value.toFixed(2) : whole(value)}`;
/** Three figures that count. */
const rough = (value: number): string =>
  value >= 100 ? whole(value) : String(Number(value.toPrecision(value < 1 ? 2 : 3)));
export const people = (users: number): string => {
  if (!Number.isFinite(users)) return 'never';
  const [by, letter] = users >= 1e6 ? [1e6, ' M'] : users >= 1e3 ? [1e3, ' K'] : [1, ''];
  return `${Number((users / by).toPrecision(3)).toLocaleString('en-US')}${letter}`;
};

/** Columns of text, the first row their heads. */
export type Cells = string[][];

export function capacityCells(rows: readonly Row[]): Cells {
  return [
    ['Users a day', 'events/s', 'instances', 'RU/s', 'autoscale to', 'stored', 'Service Bus', 'titles/s'],
    ...rows.map(({ capacity }) => [
      people(capacity.users),
      rough(capacity.eventsPerSecond),
      whole(capacity.instances),
      whole(capacity.requestUnitsPerSecond),
      whole(capacity.autoscaleMax),
      `${whole(capacity.storedGb)} GB`,
      capacity.messagingUnits === 0 ? 'Standard' : `Premium, ${capacity.messagingUnits}`,
      rough(capacity.titlesPerSecond),
    ]),
  ];
}

export function costCells(rows: readonly Row[]): Cells {
  return [
    [
      'Users a day',
      'instances',
      'RU/s',
      'storage',
      'Service Bus',
      'titles',
      'a month',
      'telemetry beside it',
      'next limit, at',
    ],
    ...rows.map(({ capacity: { users, costs, monthly, telemetry }, next }) => [
      people(users),
      ...[costs.instances, costs.throughput, costs.storage, costs.serviceBus, costs.titles].map(dollars),
      dollars(monthly),
      dollars(telemetry),
      next ? `${next.name}, ${people(next.users)}` : 'none',
    ]),
  ];
}

export const limitCells = (reached: readonly Reached[]): Cells => [
  ['Reached at users a day', 'Limit', 'What to do'],
  ...reached.map(({ name, remedy, users }) => [people(users), name, remedy]),
];

function oneUserLine(
  users: number,
  { byStorage, byRequestUnits }: ReturnType<typeof oneUser>,
  { cosmosPartitionGb }: Figures,
): string {
  const [first, second] = [
    { what: `${cosmosPartitionGb} GB`, times: byStorage },
    { what: 'the RU/s of a partition', times: byRequestUnits },
  ].sort((a, b) => a.times - b.times) as [{ what: string; times: number }, { what: string; times: number }];
  return `One user is one logical partition. Of ${people(users)} users, one who has ${whole(first.times)} times the mean user's turns reaches ${first.what} first; ${second.what} would take ${whole(second.times)} times.`;
}

/** The same backlog by more and more instances. */
export const instanceCells = ({ scale }: Measured): Cells => [
  ['Instances', 'events/s', 'of linear', 'RU an event', 'reads an event', 'title requests an event'],
  ...scale.map(({ instances, perSecond, requestUnits, cosmosReads, chatRequests }) => [
    String(instances),
    rough(perSecond),
    (perSecond / (instances * scale[0]!.perSecond)).toFixed(2),
    rough(requestUnits),
    rough(cosmosReads),
    rough(chatRequests),
  ]),
];

/** What Cosmos DB would index of a conversation by default, and what it does by the policy that ships. */
export const indexCells = (turnKb: number, excluded: readonly string[]): Cells => [
  ['Turns', 'values indexed by default', 'as shipped'],
  ...[1, 10, 100].map((turns) => {
    const document = documentOf(turns, turnKb * 1024);
    return [String(turns), whole(indexedValues(document, [])), whole(indexedValues(document, excluded))];
  }),
];

const LENGTHS = [1, 5, 10, 25, 50, 100, 250];
const PAGE_LIMITS = [1_950, 256, 64];

/** What the n-th turn costs, and all of them up to it, for a process that has to read first. */
export function lengthCells(turnKb: number): Cells {
  const costs = PAGE_LIMITS.map((pageLimitKb) =>
    turnCosts({ turns: LENGTHS.at(-1)!, turnBytes: turnKb * 1024, pageLimitKb, isRemembered: false }),
  );
  const upTo = (turn: number, per: (typeof costs)[number]) => per.slice(0, turn);
  const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
  return [
    [
      'Turns',
      ...PAGE_LIMITS.map((limit) => `RU a turn, ${limit} KB`),
      ...PAGE_LIMITS.map((limit) => `MB written, ${limit} KB`),
    ],
    ...LENGTHS.map((turn) => [
      String(turn),
      ...costs.map((per) => rough(sum(upTo(turn, per).map((cost) => cost.requestUnits)) / turn)),
      ...costs.map((per) => rough(sum(upTo(turn, per).map((cost) => cost.writtenBytes)) / 1e6)),
    ]),
  ];
}

export function factCells(names: readonly FactName[]): Cells {
  const where = ({ source, region, date }: Fact): string =>
    `${source}${region ? `, ${region}` : ''}; ${date}`;
  return [
    ['Name', 'Value', 'What', 'From', ''],
    ...names.map((name) => {
      const one = facts[name];
      const value = `${one.value.toLocaleString('en-US', { maximumFractionDigits: 6 })} ${one.unit}`;
      return [`\`${name}\``, value, one.about, where(one), one.isConfirmed ? '' : '**check**'];
    }),
  ];
}

export function measuredCells(measured: Measured, figures: Figures): Cells {
  const { perSecond, scalingShare, cpuMs, titleRequests } = measured;
  return [
    ['Measured', 'Value', 'Scenario'],
    [
      'events/s of one instance, services as far away as Azure’s',
      whole(perSecond),
      '`scale`, 1 worker at `MAX_CONCURRENCY` 4',
    ],
    ['of four instances’ throughput over four times one’s', scalingShare.toFixed(2), '`scale`, 4 workers'],
    ['processor time of an event, without telemetry', `${cpuMs.toFixed(2)} ms`, '`steady`'],
    [
      'so an instance as shipped, with telemetry, does at most',
      `${whole(instanceRate(figures, measured))} events/s`,
      '',
    ],
    [
      'title requests a conversation with 1, 2, 4 instances',
      [1, 2, 4].map((n) => titleRequests[n as 1 | 2 | 4].toFixed(2)).join(', '),
      '`scale`',
    ],
  ];
}

export function asMarkdown([head, ...rows]: Cells, isLeft = false): string {
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  const rule = head!.map((_, column) => (isLeft || column === 0 ? '---' : '---:'));
  return [line(head!), line(rule), ...rows.map(line)].join('\n');
}

/** For a terminal. */
export function asText(cells: Cells): string {
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells
    .map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
