import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { metrics } from '../src/telemetry/metric-names.ts';
import { askHealth } from './scrape.ts';
import { conversation, setTheScene } from './setting.ts';
import { type Envelope, receiveTrack } from './track-receiver.ts';
import { startWorkerProcess } from './worker-process.ts';

type Item = { type: number; content: { query?: string; title?: string } };
const workbook = JSON.parse(readFileSync('deploy/azure-workbook.json', 'utf8')) as { items: Item[] };
const template = JSON.parse(readFileSync('deploy/alerts.json', 'utf8')) as {
  variables: { rules: { name: string; query: string; column: string }[] };
};
const page = readFileSync('docs/observability.md', 'utf8');
const queries = [
  ...[...page.matchAll(/```kql\n([^`]*)```/g)].map(([, query]) => ({ of: 'docs', query: query! })),
  ...template.variables.rules.map(({ name, query }) => ({ of: `alert ${name}`, query })),
  ...workbook.items.flatMap(({ content: { query, title } }) =>
    query === undefined ? [] : [{ of: `workbook ${title}`, query }],
  ),
];

/** The tables of Application Insights, and the kind of envelope that fills each. */
const tables: Readonly<Record<string, string>> = {
  requests: 'RequestData',
  dependencies: 'RemoteDependencyData',
  exceptions: 'ExceptionData',
  traces: 'MessageData',
  customMetrics: 'MetricData',
};

const metricOf = ({ data }: Envelope): string =>
  (data.baseData.metrics as { name: string }[] | undefined)?.[0]?.name ?? '';

/** What Azure Monitor is sent by a worker that does everything once. */
async function everything(): Promise<Envelope[]> {
  const [track, scene] = [await receiveTrack(), await setTheScene()];
  const { stack, show, announce } = scene;
  const worker = startWorkerProcess({
    ...stack.environment,
    ...track.environment,
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
    HEALTH_PORT: '0',
  });
  const health = await askHealth(worker);
  await expect.poll(async () => (await health.readyz()).status).toBe(200);
  const [titled, throttled] = [conversation(), conversation(1, { title: 'Named' })];
  for (const { snapshot } of [titled, throttled]) await show(snapshot);
  await announce(titled.event);
  await expect.poll(() => worker.said('event completed')).toBe(true);
  stack.cosmos.setFaults({ status: { code: 503, operations: ['create'], count: 1 } });
  await announce(throttled.event);
  await announce({ ...titled.event, userId: 'somebody else' });
  await announce({ no: 'event' });
  await expect.poll(() => worker.said('event dead-lettered')).toBe(true);
  await expect.poll(() => worker.lines.filter(({ msg }) => msg === 'event completed').length).toBe(2);
  const told = (name: string): boolean => track.of('MetricData').some((one) => metricOf(one) === name);
  await expect.poll(() => told(metrics.oldest.name) && told(metrics.gateOpen.name)).toBe(true);
  worker.kill('SIGTERM');
  expect(await worker.exited).toBe(0);
  return track.envelopes;
}

/** The custom dimensions that a query asks for, and the metrics, of which nothing was sent. */
function strangersIn(query: string, sent: readonly Envelope[]): string[] {
  const asked = Object.keys(tables).filter((table) => new RegExp(`\\b${table}\\b`).test(query));
  const named = [...query.matchAll(/"([a-z_]+(?:\.[a-z0-9_]+)+)"/g)]
    .map(([, name]) => name!)
    .filter((name) => !query.includes(`["${name}"]`));
  const rows = asked.flatMap((table) =>
    sent
      .filter(({ data }) => data.baseType === tables[table])
      .filter((one) => table !== 'customMetrics' || named.includes(metricOf(one))),
  );
  const dimensions = new Set(rows.flatMap(({ data }) => Object.keys(data.baseData.properties ?? {})));
  const wanted = [...query.matchAll(/customDimensions(?:\["([^"]+)"\]|\.(\w+))/g)].map(
    ([, quoted, plain]) => quoted ?? plain!,
  );
  const isMetric = (name: string): boolean =>
    Object.values<{ name: string }>(metrics).some((metric) => metric.name === name);
  const types = new Set(sent.map(({ data }) => data.baseData.type));
  return [
    ...(rows.length === 0 ? ['no row'] : []),
    ...wanted.filter((name) => !dimensions.has(name)),
    ...named.filter((name) => !isMetric(name) && !types.has(name)),
  ];
}

test('every name in the queries, the workbook and the alerts of Azure is one that is sent there', async () => {
  const sent = await everything();
  // Only for an identity that may read them.
  const unread: readonly string[] = [metrics.backlog.name, metrics.deadLetters.name];
  const strangers = queries
    .filter(({ query }) => !unread.some((name) => query.includes(name)))
    .flatMap(({ of, query }) => strangersIn(query, sent).map((name) => `${of}: ${name}`));
  expect(strangers).toEqual([]);
  expect(strangersIn('requests | where customDimensions["app.user"] == "x"', sent)).toEqual(['app.user']);
  expect(strangersIn('customMetrics | where name == "history_worker.event"', sent)).toEqual([
    'no row',
    'history_worker.event',
  ]);

  const codes = sent
    .filter(({ data }) => data.baseType === 'ExceptionData')
    .map(({ data }) => (data.baseData.exceptions as { typeName: string }[])[0]!.typeName);
  expect(codes).toEqual(expect.arrayContaining(['InvalidEvent', 'IdentityMismatch', 'StoreUnavailable']));
  const outcomes = sent.map(({ data }) => data.baseData.properties?.['app.event.outcome']);
  expect(outcomes).toEqual(expect.arrayContaining(['complete', 'dead-letter']));
});

test('there are queries of each kind, and the columns that alerts measure are made by their queries', () => {
  expect(queries.filter(({ of }) => of === 'docs').length).toBeGreaterThan(8);
  expect(queries.filter(({ of }) => of.startsWith('workbook')).length).toBeGreaterThan(15);
  const asked = queries.filter(({ of }) => of === 'docs').map(({ query }) => query);
  for (const id of ['app.user_id', 'app.session_id', 'app.chat_message_id'])
    expect(
      asked.some((query) => query.includes(id)),
      id,
    ).toBe(true);
  const alerts = ['events-older-than-1h', 'events-older-than-12h', 'backlog-stalled', 'dead-letters'];
  expect(template.variables.rules.map(({ name }) => name)).toEqual(
    expect.arrayContaining([...alerts, 'gate-closed', 'titles-failing', 'slow-to-durable']),
  );
  for (const { query, column } of template.variables.rules)
    expect(query).toMatch(column === 'Count' ? /\| count$/ : new RegExp(`\\b${column} = `));
});
