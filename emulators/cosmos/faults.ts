import { z } from 'zod';
import { partitionOfValue } from './partition-key.ts';
import { Refusal } from './refusal.ts';

const operations = ['read', 'create', 'replace', 'patch', 'delete', 'query', 'upsert', 'batch'] as const;
export type FaultOperation = (typeof operations)[number];

const count = z.number().int().positive();
const schema = z.strictObject({
  /** Every answer waits this long. */
  latencyMs: z.number().nonnegative(),
  /** Requests are taken and never answered, not even when this is off again. */
  freeze: z.boolean(),
  /** Every nth request on items is taken, not carried out and never answered; the others are as always. */
  freezeEvery: count.nullable(),
  /** The connections that stand are cut, and every new one. */
  refuseConnections: z.boolean(),
  /** The connection of every nth request on items is reset before anything is carried out. */
  refuseEvery: count.nullable(),
  /** Requests are refused with this status before they are carried out. */
  status: z
    .strictObject({
      code: z.number().int().min(400).max(599),
      substatus: z.number().int().optional(),
      retryAfterMs: z.number().nonnegative().optional(),
      /** Every nth of the requests that it concerns. */
      every: count.optional(),
      /** Without a list: all requests, those on containers and the account too. */
      operations: z.array(z.enum(operations)).optional(),
      /** After so many it clears itself. */
      count: count.optional(),
    })
    .nullable(),
  /** So many writes are committed, and their connections are cut instead of an answer. */
  dropAfterCommit: z.number().int().nonnegative(),
  /** Beyond this, requests on items are refused with 429; null: never. */
  requestUnitsPerSecond: z.number().positive().nullable(),
  /** Partition keys whose every write but delete is refused with 403/1014. */
  partitionFull: z.array(z.string()),
});
export type CosmosFaults = z.infer<typeof schema>;
export type Faults = ReturnType<typeof createFaults>;

/** The faults that are on, and what they do to a request. `changed` is told of every change. */
export function createFaults(start: Partial<CosmosFaults>, changed: (faults: CosmosFaults) => void) {
  let current: CosmosFaults = {
    latencyMs: 0,
    freeze: false,
    freezeEvery: null,
    refuseConnections: false,
    refuseEvery: null,
    status: null,
    dropAfterCommit: 0,
    requestUnitsPerSecond: null,
    partitionFull: [],
    ...start,
  };
  let full = new Set<string>();
  // Requests since the fault was set that it may concern.
  const seen = { status: 0, freezeEvery: 0, refuseEvery: 0 };
  const isNth = (name: 'freezeEvery' | 'refuseEvery'): boolean => {
    const every = current[name];
    if (every === null) return false;
    seen[name] += 1;
    return seen[name] % every === 0;
  };
  return {
    get: (): CosmosFaults => structuredClone(current),
    now: (): Readonly<CosmosFaults> => current,
    set(patch: unknown): void {
      const checked = schema.partial().safeParse(patch);
      if (!checked.success) {
        const known = Object.keys(schema.shape).join(', ');
        throw new Error(`Not a fault of Cosmos DB: ${z.prettifyError(checked.error)}. Known are: ${known}.`);
      }
      const before = current;
      current = { ...current, ...checked.data } as CosmosFaults;
      for (const name of ['status', 'freezeEvery', 'refuseEvery'] as const)
        if (checked.data[name] !== undefined) seen[name] = 0;
      full = new Set(current.partitionFull.map((key) => partitionOfValue(key)));
      if (current !== before) changed(current);
    },
    isFull: (partition: string): boolean => full.has(partition),
    /** What is to become of this request on items before it is carried out. Called once a request: it counts. */
    fateOf(): 'reset' | 'frozen' | 'carried out' {
      const [resets, freezes] = [isNth('refuseEvery'), isNth('freezeEvery')];
      return resets ? 'reset' : freezes ? 'frozen' : 'carried out';
    },
    /** Throws the set status if it concerns this request. */
    strike(operation: FaultOperation | 'metadata'): void {
      const { status } = current;
      if (!status) return;
      if (status.operations && (operation === 'metadata' || !status.operations.includes(operation))) return;
      seen.status += 1;
      if (seen.status % (status.every ?? 1) !== 0) return;
      if (status.count !== undefined) {
        const left = status.count - 1;
        current = { ...current, status: left === 0 ? null : { ...status, count: left } };
      }
      throw new Refusal(
        status.code,
        status.substatus ?? 0,
        `Injected fault ${status.code}.`,
        status.retryAfterMs,
      );
    },
    /** True when this committed write is to stay without an answer. */
    dropsThisWrite(): boolean {
      if (current.dropAfterCommit === 0) return false;
      current = { ...current, dropAfterCommit: current.dropAfterCommit - 1 };
      return true;
    },
  };
}
