import { z } from 'zod';
import type { Container } from './containers.ts';
import type { Storage } from './database.ts';
import { asDocument, render } from './items.ts';
import type { Done, Operations, Target, WriteKind } from './operations.ts';
import { partitionOfHeader } from './partition-key.ts';
import { badRequest, Refusal } from './refusal.ts';

const operation = z.looseObject({
  operationType: z.enum(['Create', 'Upsert', 'Read', 'Replace', 'Delete', 'Patch']),
  id: z.string().optional(),
  resourceBody: z.unknown().optional(),
  ifMatch: z.string().optional(),
  ifNoneMatch: z.string().optional(),
  /** Only in a bulk request, as a JSON text: each operation goes to a partition of its own. */
  partitionKey: z.string().optional(),
});
type Operation = z.infer<typeof operation>;
type Result = {
  statusCode: number;
  subStatusCode?: number;
  requestCharge: number;
  eTag?: string;
  resourceBody?: unknown;
  retryAfterMilliseconds?: number;
};
export type BatchOutcome = {
  status: number;
  body: string;
  charge: number;
  committed: WriteKind[];
  refused: number[];
};

// learn.microsoft.com/azure/cosmos-db/nosql/transactional-batch: 100 operations, and 2 MB for the whole.
const MAX_OPERATIONS = 100;
const MAX_BYTES = 2 * 1024 * 1024;

export type BatchRequest = {
  container: Container;
  /** The one partition of a transactional batch; undefined for a bulk request. */
  partition: string | undefined;
  atomic: boolean;
  continueOnError: boolean;
  body: string;
  /** False: `Prefer: return=minimal`. */
  withBodies: boolean;
};

/** Runs a transactional batch (all or nothing: 207 and 424 for what did not fail itself) or a bulk request. */
export function runBatch(operations: Operations, storage: Storage, request: BatchRequest): BatchOutcome {
  const list = readBatch(request);
  const results: Result[] = [];
  const committed: WriteKind[] = [];
  const refused: number[] = [];
  const runAll = () => {
    for (const sent of list) {
      try {
        const target = targetOf(sent, request);
        const done = runOne(operations, target, sent);
        results.push(resultOf(done, target, request.withBodies));
        if (sent.operationType !== 'Read') committed.push(sent.operationType.toLowerCase() as WriteKind);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        results.push(refusedResult(error));
        refused.push(error.status);
        if (request.atomic) throw error;
        if (!request.continueOnError) break;
      }
    }
  };
  let failed = false;
  if (request.atomic) failed = rolledBack(storage, runAll);
  else runAll();
  const charge = results.reduce((sum, result) => sum + result.requestCharge, 0);
  if (failed) {
    const at = results.length - 1;
    const answers = list.map((_, index) =>
      index === at ? results[at] : { statusCode: 424, requestCharge: 0 },
    );
    return { status: 207, body: JSON.stringify(answers), charge, committed: [], refused };
  }
  while (results.length < list.length) results.push({ statusCode: 424, requestCharge: 0 });
  return {
    status: refused.length > 0 ? 207 : 200,
    body: JSON.stringify(results),
    charge,
    committed,
    refused,
  };
}

/** True when a refusal, which the results have noted, undid everything before it. */
function rolledBack(storage: Storage, work: () => void): boolean {
  try {
    storage.atomically(work);
    return false;
  } catch (error) {
    if (error instanceof Refusal) return true;
    throw error;
  }
}

function readBatch({ body, atomic, partition }: BatchRequest): Operation[] {
  if (Buffer.byteLength(body) > MAX_BYTES)
    throw new Refusal(413, 0, 'Request size is too large: a batch is at most 2 MB.');
  let sent: unknown;
  try {
    sent = JSON.parse(body);
  } catch {
    throw badRequest('The batch is not valid JSON.');
  }
  const checked = z.array(operation).min(1).max(MAX_OPERATIONS).safeParse(sent);
  if (!checked.success) throw badRequest(`The batch is not valid: ${z.prettifyError(checked.error)}`);
  if (atomic && partition === undefined) throw badRequest('A transactional batch needs a partition key.');
  return checked.data;
}

function targetOf(sent: Operation, { container, partition, atomic }: BatchRequest): Target {
  const own = partitionOfHeader(sent.partitionKey);
  const chosen = atomic ? partition : own;
  if (chosen === undefined) throw badRequest('The operation has no partition key.');
  if (atomic && own !== undefined && own !== partition)
    throw badRequest('A transactional batch has one partition key.');
  return { container, partition: chosen };
}

function runOne(operations: Operations, target: Target, sent: Operation): Done {
  const { operationType, id, resourceBody } = sent;
  const preconditions = { ifMatch: sent.ifMatch, ifNoneMatch: sent.ifNoneMatch };
  if (operationType === 'Create') return operations.create(target, asDocument(resourceBody), preconditions);
  if (operationType === 'Upsert') return operations.upsert(target, asDocument(resourceBody), preconditions);
  if (id === undefined) throw badRequest(`The operation ${operationType} has no id.`);
  switch (operationType) {
    case 'Read':
      return operations.read(target, id, preconditions);
    case 'Delete':
      return operations.delete(target, id, preconditions);
    case 'Replace':
      return operations.replace(target, id, asDocument(resourceBody), preconditions);
    case 'Patch':
      return operations.patch(target, id, resourceBody, preconditions);
  }
}

function resultOf({ status, charge, etag, row }: Done, { container }: Target, withBodies: boolean): Result {
  const result: Result = { statusCode: status, requestCharge: charge };
  if (etag !== undefined) result.eTag = etag;
  if (row && withBodies) result.resourceBody = JSON.parse(render(container, row));
  return result;
}

function refusedResult(refusal: Refusal): Result {
  const result: Result = { statusCode: refusal.status, requestCharge: refusal.charge };
  if (refusal.substatus !== 0) result.subStatusCode = refusal.substatus;
  return result;
}
