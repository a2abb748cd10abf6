import type { WriteKind } from './operations.ts';

export type CosmosCounters = {
  requests: number;
  reads: number;
  queries: number;
  /** Committed ones; `batch` counts batches, whose operations are counted beside it by their own kind. */
  writes: Record<WriteKind | 'batch', number>;
  writesRefused: { conflict409: number; precondition412: number; throttled429: number; tooLarge413: number };
  requestUnits: number;
  concurrentPeak: number;
  bytesIn: number;
  bytesOut: number;
};

const refusals = {
  409: 'conflict409',
  412: 'precondition412',
  429: 'throttled429',
  413: 'tooLarge413',
} as const;

/** Counters at zero. */
export function newCounters(): CosmosCounters {
  return {
    requests: 0,
    reads: 0,
    queries: 0,
    writes: { create: 0, replace: 0, patch: 0, upsert: 0, delete: 0, batch: 0 },
    writesRefused: { conflict409: 0, precondition412: 0, throttled429: 0, tooLarge413: 0 },
    requestUnits: 0,
    concurrentPeak: 0,
    bytesIn: 0,
    bytesOut: 0,
  };
}

/** Counts a refused write; other refusals are not told apart. */
export function countRefusal(counters: CosmosCounters, status: number): void {
  const name = refusals[status as keyof typeof refusals];
  if (name) counters.writesRefused[name] += 1;
}
