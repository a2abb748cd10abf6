import { z } from 'zod';
import { partitionOfValue } from './partition-key.ts';
import { Refusal } from './refusal.ts';

const operations = ['read', 'create', 'replace', 'patch', 'delete', 'query', 'upsert', 'batch'] as const;
export type FaultOperation = (typeof operations)[number];

const count = z.number().int().positive();
const schema = z.strictObject({
  latencyMs: z.number().nonnegative(),
  freeze: z.boolean(),
  refuseConnections: z.boolean(),
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
  dropAfterCommit: z.number().int().nonnegative(),
  requestUnitsPerSecond: z.number().positive().nullable(),
  partitionFull: z.array(z.string()),
});
export type CosmosFaults = z.infer<typeof schema>;
export type Faults = ReturnType<typeof createFaults>;

/** The faults that are on, and what they do to a request. `changed` is told of every change. */
export function createFaults(start: Partial<CosmosFaults>, changed: (faults: CosmosFaults) => void) {
  let current: CosmosFaults = {
    latencyMs: 0,
    freeze: false,
    refuseConnections: false,
    status: null,
    dropAfterCommit: 0,
    requestUnitsPerSecond: null,
    partitionFull: [],
    ...start,
  };
  let full = new Set<string>();
  let seen = 0;
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
      if (checked.data.status !== undefined) seen = 0;
      full = new Set(current.partitionFull.map((key) => partitionOfValue(key)));
      if (current !== before) changed(current);
    },
    isFull: (partition: string): boolean => full.has(partition),
    /** Throws the set status if it concerns this request. */
    strike(operation: FaultOperation | 'metadata'): void {
      const { status } = current;
      if (!status) return;
      if (status.operations && (operation === 'metadata' || !status.operations.includes(operation))) return;
      seen += 1;
      if (seen % (status.every ?? 1) !== 0) return;
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
