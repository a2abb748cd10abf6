import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { settings } from '../../src/settings.ts';
import { facts } from './prices.ts';

/** The number that stands behind this in a file of the repository. */
function said(file: string, before: RegExp): number {
  const found = new RegExp(`${before.source}([\\d.]+)`, 's').exec(readFileSync(file, 'utf8'));
  return Number(found?.[1]);
}
const variable = (name: string): RegExp => new RegExp(`variable "${name}" \\{[^}]*?default *= "?`);

test('what is said to ship is what ships', () => {
  const terraform = 'deploy/terraform/variables.tf';
  expect(facts.instanceVcpu.value).toBe(said(terraform, variable('cpu')));
  expect(facts.instanceGib.value).toBe(said(terraform, variable('memory')));
  expect(facts.maxThroughput.value).toBe(said(terraform, variable('cosmos_max_throughput')));
  expect(facts.maxReplicas.value).toBe(said(terraform, /variable "replicas".*?max += optional\(number, /));
  expect(facts.modelTokensShipped.value).toBe(
    1_000 * said(terraform, /variable "title_model".*?capacity = optional\(number, /),
  );
  expect(facts.linksPerInstance.value).toBe(said('src/azure/service-bus-links.ts', /const MAX_LINKS = /));
  expect(facts.telemetryCpu.value).toBe(
    said('docs/observability.md', /\| Azure Monitor \| \d+ \([^)]*\) \| /) / 100,
  );
  const pageLimit = settings.find(({ name }) => name === 'PAGE_LIMIT_KB')!;
  expect(String(facts.pageLimitKb.value)).toBe(String(pageLimit.default));
});

test('every figure has a unit, a page and a date, and a price a region', () => {
  for (const [name, fact] of Object.entries(facts)) {
    expect(fact.value, name).toBeGreaterThan(0);
    expect(fact.date, name).toMatch(/^\d{4}-\d\d(-\d\d)?$/);
    for (const text of [fact.unit, fact.about, fact.source]) expect(text, name).not.toBe('');
    if (fact.unit.startsWith('$')) expect(fact.region, name).toBeTruthy();
  }
});
