import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { failures } from '../src/pipeline/failures.ts';
import { label, type Metric, metrics, prometheusName } from '../src/telemetry/metric-names.ts';
import * as names from '../src/telemetry/names.ts';

const dashboard = readFileSync('deploy/grafana-dashboard.json', 'utf8');
const alerts = readFileSync('deploy/prometheus-alerts.yml', 'utf8');
const pages = ['docs/observability.md', 'docs/traces-and-logs.md'].map((name) => readFileSync(name, 'utf8'));

const labelOf = (attribute: string): string => attribute.replaceAll('.', '_');
/** By every name that a query may call it. */
const known = new Map(
  Object.values<Metric>(metrics).flatMap((metric) => {
    const name = prometheusName(metric);
    const endings = metric.kind === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    return endings.map((ending) => [`${name}${ending}`, metric] as const);
  }),
);
/** Of every scrape, or of a bucket. */
const everywhere = ['job', 'instance', 'le'];
/** What the values of labels may be that a query can look for. */
const values = new Set([
  ...Object.keys(failures),
  ...['complete', 'abandon', 'dead-letter', 'lost'],
  ...['service-bus', 'redis', 'cosmos', 'titles', 'azure.cosmosdb'],
  ...['stored', 'overtaken', 'refused', 'unusable', 'unavailable'],
  ...['$job', '', '.*'],
]);

/** What a PromQL expression says that nothing makes. */
function strangersIn(expression: string): string[] {
  const quoted = [...expression.matchAll(/"([^"]*)"/g)].flatMap(([, text]) => text!.split('|'));
  const bare = expression.replaceAll(/"[^"]*"/g, '').replaceAll(/\[[^\]]*\]/g, '');
  const words = bare.match(/[a-z_][a-z0-9_]*/gi) ?? [];
  const used = words.flatMap((word) => known.get(word) ?? []);
  const labels = new Set([...everywhere, ...used.flatMap(({ attributes }) => attributes.map(labelOf))]);
  const isOfPromQl = (word: string): boolean =>
    /^(sum|max|min|count|by|rate|increase|histogram_quantile|absent|and|or|label_values)$/.test(word);
  return [
    ...words.filter((word) => !known.has(word) && !labels.has(word) && !isOfPromQl(word)),
    ...quoted.filter((text) => !values.has(text)),
    ...(used.length === 0 ? [`no metric in ${expression}`] : []),
  ];
}

/** The expressions of the rules: what stands behind `expr:`, on its line or indented below. */
const ruleExpressions = [...alerts.matchAll(/^ {8}expr: (.*(?:\n {10}.*)*)/gm)].map(([, text]) =>
  text!.replace(/^>-\n/, '').replaceAll(/\s+/g, ' '),
);

type Panel = { title: string; targets?: { expr: string; legendFormat: string }[] };
const targets = (JSON.parse(dashboard) as { panels: Panel[] }).panels.flatMap((panel) =>
  (panel.targets ?? []).map((target) => ({ ...target, title: panel.title })),
);

describe('every name that Prometheus is asked for is one that the worker makes', () => {
  test.each(ruleExpressions)('alert: %s', (expression) => {
    expect(strangersIn(expression)).toEqual([]);
  });

  test.each(targets)('panel $title: $expr', ({ expr, legendFormat }) => {
    expect(strangersIn(expr.replaceAll('$__rate_interval', '5m'))).toEqual([]);
    const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name!);
    expect(shown.filter((name) => name !== 'instance' && !expr.includes(name))).toEqual([]);
  });

  test('no metric is left that nobody looks at, and the ages that matter are alerted on', () => {
    const asked = [...ruleExpressions, ...targets.map(({ expr }) => expr)].join('\n');
    const words = new Set(asked.match(/\w+/g));
    const seen = new Set([...known].filter(([name]) => words.has(name)).map(([, metric]) => metric));
    expect(Object.values<Metric>(metrics).filter((metric) => !seen.has(metric))).toEqual([]);
    expect(ruleExpressions).toHaveLength(alerts.match(/- alert:/g)!.length);
    for (const seconds of [3_600, 43_200])
      expect(asked).toContain(`(history_worker_subscription_oldest_event_seconds) > ${seconds}`);
  });

  test('what must not pass unseen is alerted on', () => {
    const named = [...alerts.matchAll(/- alert: HistoryWorker(\w+)/g)].map(([, name]) => name);
    for (const name of ['EventsOlderThan1h', 'EventsOlderThan12h', 'BacklogStalled', 'DeadLetters'])
      expect(named).toContain(name);
    for (const name of ['GateClosed', 'TitlesFailing', 'SlowToDurable']) expect(named).toContain(name);
  });

  test('a name that nobody makes would be found', () => {
    expect(strangersIn('sum by (job) (rate(history_worker_events_setled_total[5m])) > 0')).toContain(
      'history_worker_events_setled_total',
    );
    expect(strangersIn('history_worker_gate_open{error_type="x"}')).toEqual(['error_type', 'x']);
  });
});

test('every name in the text of the two pages is one that the worker makes', () => {
  const made = new Set([
    ...Object.values<Metric>(metrics).map(({ name }) => name),
    ...Object.values(label),
    ...[names.app, names.event, names.round, names.call, names.attribute].flatMap((group) =>
      Object.values<string>(group),
    ),
  ]);
  const mentioned = [
    ...pages
      .join('\n')
      .matchAll(/`((?:app|history_worker|messaging|db|gen_ai|azure|process|nodejs|error)\.[a-z0-9_.]+)`/g),
  ];
  expect(mentioned.length).toBeGreaterThan(80);
  expect(mentioned.map(([, name]) => name!).filter((name) => !made.has(name))).toEqual([]);
});

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
test.runIf(hasPromtool)('the alerts do what they are to do on courses of metrics', () => {
  const { status, stdout, stderr } = spawnSync('promtool', [
    'test',
    'rules',
    'deploy/prometheus-alerts.test.yml',
  ]);
  expect(`${stdout}${stderr}`).toContain('SUCCESS');
  expect(status).toBe(0);
});
