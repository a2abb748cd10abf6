import { badRequest, Refusal } from './refusal.ts';

// learn.microsoft.com/azure/cosmos-db/concepts-limits: 2,048 bytes with large partition keys; of the text itself, not of its JSON.
const MAX_BYTES = 2048;

/** The partition of an item that has no partition key property: the client sends `[{}]`. */
export const NONE = '{}';

/**
 * The partition named by a request's header, as a JSON text, so that 1 and "1" stay apart. Undefined without header.
 */
export function partitionOfHeader(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(header);
  } catch {
    throw badRequest('x-ms-documentdb-partitionkey is not JSON.');
  }
  if (!Array.isArray(parsed)) throw badRequest('x-ms-documentdb-partitionkey is not an array.');
  if (parsed.length !== 1) {
    throw badRequest(
      `x-ms-documentdb-partitionkey has ${parsed.length} values: hierarchical partition keys are not supported here.`,
    );
  }
  return partitionOfValue(parsed[0]);
}

/** The partition of a key's value. */
export function partitionOfValue(value: unknown): string {
  if (value === undefined) return NONE;
  if (value !== null && typeof value === 'object') {
    if (!Array.isArray(value) && Object.keys(value).length === 0) return NONE;
    throw badRequest('A partition key is a string, a number, a boolean or null.');
  }
  if (typeof value === 'string' && Buffer.byteLength(value) > MAX_BYTES)
    throw badRequest('The partition key is longer than 2,048 bytes.');
  return JSON.stringify(value);
}

/** Where in the item its partition key stands: '/a/b' is ['a', 'b']. */
export function partitionPath(path: string): string[] {
  if (!/^(\/[^/]+)+$/.test(path))
    throw badRequest(`The partition key path '${path}' is not valid: /name is.`);
  return path.slice(1).split('/');
}

/** The partition of an item. */
export function partitionOfItem(item: Record<string, unknown>, path: string[]): string {
  let value: unknown = item;
  for (const name of path) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, name)) return NONE;
    value = (value as Record<string, unknown>)[name];
  }
  return partitionOfValue(value);
}

/** 400/1001: an item sent to another partition than its own. */
export function partitionMismatch(): Refusal {
  return new Refusal(
    400,
    1001,
    "PartitionKey extracted from document doesn't match the one specified in the header.",
  );
}
