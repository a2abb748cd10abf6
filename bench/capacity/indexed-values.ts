import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const POLICY = join(import.meta.dirname, '../../deploy/terraform/cosmos.tf');

/** The paths that the container as shipped leaves out of its index. */
export function excludedPaths(): string[] {
  const policy = readFileSync(POLICY, 'utf8');
  return [...policy.matchAll(/excluded_path \{\s*path = "((?:[^"\\]|\\.)*)"/g)].map(
    ([, path]) => JSON.parse(`"${path}"`) as string,
  );
}

/**
 * How many values of an item are indexed where all is but these paths: each one by its path (Indexing in Azure Cosmos DB, overview).
 * A path ends in `/*`, which is all below it, or in `/?`, which is itself.
 */
export function indexedValues(item: unknown, excluded: readonly string[], path = ''): number {
  if (excluded.some((one) => one === `${path}/*` || one === `${path}/?`)) return 0;
  if (typeof item !== 'object' || item === null) return 1;
  return Object.entries(item)
    .map(([name, value]) => indexedValues(value, excluded, `${path}/${name}`))
    .reduce((sum, count) => sum + count, 0);
}
