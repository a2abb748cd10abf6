import { z } from 'zod';
import type { Item } from './items.ts';
import { badRequest } from './refusal.ts';

const operation = z.strictObject({
  op: z.enum(['add', 'set', 'replace', 'remove', 'incr', 'move']),
  path: z.string().startsWith('/'),
  from: z.string().startsWith('/').optional(),
  value: z.unknown().optional(),
});
const bare = z.array(operation);
const conditional = z.strictObject({ condition: z.string().optional(), operations: bare });

export type PatchOperation = z.infer<typeof operation>;
export type Patch = { condition: string | undefined; operations: PatchOperation[] };

// learn.microsoft.com/azure/cosmos-db/partial-document-update: at most ten operations.
const MAX_OPERATIONS = 10;
const SYSTEM = new Set(['id', '_rid', '_self', '_etag', '_ts', '_attachments']);

/** Reads a patch: the client sends a bare array, or `{condition, operations}`. */
export function readPatch(sent: unknown, partitionKeyPath: string[]): Patch {
  // Not a union, which would keep to itself what is wrong with each of its kinds.
  const checked = Array.isArray(sent)
    ? bare.transform((operations) => ({ condition: undefined, operations })).safeParse(sent)
    : conditional.safeParse(sent);
  if (!checked.success) throw badRequest(`The patch is not valid: ${z.prettifyError(checked.error)}`);
  const { condition, operations } = checked.data;
  if (operations.length === 0) throw badRequest('The patch has no operations.');
  if (operations.length > MAX_OPERATIONS) {
    throw badRequest(`The patch has ${operations.length} operations; the limit is ${MAX_OPERATIONS}.`);
  }
  for (const { op, path, from } of operations) {
    for (const touched of from === undefined ? [path] : [path, from]) {
      const steps = pointer(touched);
      if (SYSTEM.has(steps[0]!)) throw badRequest(`The patch may not change '${touched}'.`);
      const inKey = steps.every(
        (step, index) => index >= partitionKeyPath.length || step === partitionKeyPath[index],
      );
      if (inKey) throw badRequest(`The patch may not change the partition key '${touched}'.`);
    }
    if ((op === 'move') !== (from !== undefined))
      throw badRequest(`'from' belongs to move, and only there: ${path}`);
  }
  return { condition, operations };
}

/** Applies the operations in their order to the item, which is changed in place; on 400 it must be thrown away. */
export function applyPatch(item: Item, operations: PatchOperation[]): void {
  for (const { op, path, from, value } of operations) {
    if (op === 'move') put(item, path, take(item, from!), 'add');
    else if (op === 'remove') take(item, path);
    else if (op === 'incr') increment(item, path, value);
    else if (value === undefined) throw badRequest(`The operation '${op}' on '${path}' has no value.`);
    else put(item, path, value, op);
  }
}

function pointer(path: string): string[] {
  return path
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

type Place = { parent: Item; name: string } | { parent: unknown[]; index: number };

function locate(item: Item, path: string): Place {
  const steps = pointer(path);
  const name = steps.pop()!;
  let parent: unknown = item;
  for (const step of steps) {
    if (Array.isArray(parent)) parent = parent[arrayIndex(step, path)];
    else if (parent !== null && typeof parent === 'object' && Object.hasOwn(parent, step))
      parent = (parent as Item)[step];
    else parent = undefined;
  }
  if (Array.isArray(parent)) return { parent, index: name === '-' ? parent.length : arrayIndex(name, path) };
  if (parent === null || typeof parent !== 'object') throw badRequest(`There is nothing to hold '${path}'.`);
  return { parent: parent as Item, name };
}

function arrayIndex(step: string, path: string): number {
  if (!/^(0|[1-9]\d*)$/.test(step)) throw badRequest(`'${step}' is not an index of an array: ${path}`);
  return Number(step);
}

function put(item: Item, path: string, value: unknown, op: 'add' | 'set' | 'replace'): void {
  const place = locate(item, path);
  if ('index' in place) {
    const { parent, index } = place;
    if (op === 'add') {
      if (index > parent.length) throw badRequest(`The array has no index ${index} to add at: ${path}`);
      parent.splice(index, 0, value);
    } else if (index < parent.length) parent[index] = value;
    else throw badRequest(`The array has nothing to ${op} at ${path}; add appends with '-'.`);
    return;
  }
  if (op === 'replace' && !Object.hasOwn(place.parent, place.name)) {
    throw badRequest(`There is nothing to replace at '${path}'.`);
  }
  define(place.parent, place.name, value);
}

// Plain assignment would take '__proto__' for something else than a name.
function define(parent: Item, name: string, value: unknown): void {
  Object.defineProperty(parent, name, { value, writable: true, enumerable: true, configurable: true });
}

function take(item: Item, path: string): unknown {
  const place = locate(item, path);
  if ('index' in place) {
    if (place.index >= place.parent.length) throw badRequest(`There is nothing at '${path}'.`);
    return place.parent.splice(place.index, 1)[0];
  }
  if (!Object.hasOwn(place.parent, place.name)) throw badRequest(`There is nothing at '${path}'.`);
  const value = place.parent[place.name];
  delete place.parent[place.name];
  return value;
}

function increment(item: Item, path: string, by: unknown): void {
  if (typeof by !== 'number') throw badRequest(`incr of '${path}' needs a number.`);
  const place = locate(item, path);
  const exists =
    'index' in place ? place.index < place.parent.length : Object.hasOwn(place.parent, place.name);
  if (!exists && 'index' in place) throw badRequest(`The array has nothing to increment at '${path}'.`);
  const old = !exists ? 0 : 'index' in place ? place.parent[place.index] : place.parent[place.name];
  if (typeof old !== 'number') throw badRequest(`The value at '${path}' is not a number.`);
  if ('index' in place) place.parent[place.index] = old + by;
  else define(place.parent, place.name, old + by);
}
