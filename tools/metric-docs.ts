import { readFileSync, writeFileSync } from 'node:fs';
import { type Metric, metrics, prometheusName } from '../src/telemetry/metric-names.ts';
import { between } from './marked-section.ts';

export const OBSERVABILITY_PAGE = 'docs/observability.md';

const unitOf = ({ unit }: Metric): string => unit.replace(/^\{(.*)\}$/, '$1').replaceAll('_', ' ');

/** The page's table of metrics, from the one that they are made from. */
function metricTable(): string {
  const rows = Object.values<Metric>(metrics).map((metric) => {
    const { name, kind, description, attributes } = metric;
    const labels = attributes.map((attribute) => `\`${attribute}\``).join(' ');
    return `| \`${name}\` | \`${prometheusName(metric)}\` | ${kind} | ${unitOf(metric)} | ${description} | ${labels} |`;
  });
  return [
    '| OpenTelemetry, Azure Monitor | Prometheus | Kind | Unit | What | Attributes |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

/** The page with its table made anew. @throws Error when its marks are gone */
export const withMetricTable = (page: string): string =>
  between(page, 'metrics: made from src/telemetry/metric-names.ts by "npm run docs"', metricTable());

if (process.argv.includes('--write'))
  writeFileSync(OBSERVABILITY_PAGE, withMetricTable(readFileSync(OBSERVABILITY_PAGE, 'utf8')));
