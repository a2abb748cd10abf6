// Microsoft's published table of request units by item size (session consistency), as of November 2026:
// learn.microsoft.com/azure/cosmos-db/understand-request-unit-consumption. Between its rows we interpolate linearly.
const kilobytes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048];
const read = [1.0, 1.04, 1.14, 1.33, 1.67, 2.19, 4.76, 9.95, 20.28, 40.95, 145.9, 291.8];
const write = [4.95, 6.29, 6.67, 7.04, 9.52, 11.23, 22.67, 48.19, 98.29, 184.57, 625.0, 1250.0];

function byTable(charges: number[], bytes: number): number {
  const size = bytes / 1024;
  if (size <= 1) return charges[0]!;
  const above = kilobytes.findIndex((row) => row >= size);
  if (above === -1) return (charges.at(-1)! * size) / kilobytes.at(-1)!;
  const share = (size - kilobytes[above - 1]!) / (kilobytes[above]! - kilobytes[above - 1]!);
  return charges[above - 1]! + share * (charges[above]! - charges[above - 1]!);
}

/** What a point read of an item of this size costs. */
export function readCharge(bytes: number): number {
  return byTable(read, bytes);
}

/**
 * What writing an item of this size costs. Replace, patch and delete are charged like a create: the table has one
 * column for writes, and Microsoft's FAQ says that patch brings no significant reduction.
 */
export function writeCharge(bytes: number): number {
  return byTable(write, bytes);
}

/**
 * What a query page costs. No table is published for queries: 2.3 is the base that small queries are commonly seen
 * to have, and every item that matched is charged as if it had been read. An estimate, and the only one here.
 */
export function queryCharge(matchedBytes: number[]): number {
  return matchedBytes.reduce((sum, bytes) => sum + readCharge(bytes), 2.3);
}

export type Budget = { admit(): number; spend(charge: number): void; limit(perSecond: number | null): void };

/**
 * A budget of request units per second. A request is admitted while anything is left and may overdraw, because the
 * charge is only known afterwards; `admit` returns 0, or the milliseconds after which it is worth trying again.
 */
export function createBudget(now: () => number): Budget {
  let perSecond: number | null = null;
  let left = 0;
  let refilledAt = now();
  return {
    admit() {
      if (perSecond === null) return 0;
      const time = now();
      left = Math.min(perSecond, left + ((time - refilledAt) / 1000) * perSecond);
      refilledAt = time;
      return left > 0 ? 0 : Math.max(1, Math.ceil((-left / perSecond) * 1000));
    },
    spend(charge) {
      left -= charge;
    },
    limit(value) {
      perSecond = value;
      left = value ?? 0;
      refilledAt = now();
    },
  };
}
