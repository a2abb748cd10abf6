import { type Answer, type CosmosRequest, flag, header } from './answer.ts';
import { runBatch } from './batch.ts';
import type { Container, Containers } from './containers.ts';
import type { Storage } from './database.ts';
import type { FaultOperation } from './faults.ts';
import { type Items, readDocument, render } from './items.ts';
import type { Done, Operations, Target, WriteKind } from './operations.ts';
import { partitionOfHeader } from './partition-key.ts';
import { planOf, readQueryBody, runQuery } from './query.ts';
import { badRequest, Refusal } from './refusal.ts';

const PARTITION = 'x-ms-documentdb-partitionkey';
const byMethod: Record<string, FaultOperation> = {
  GET: 'read',
  PUT: 'replace',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Which operation a request is: on the path …/docs the client tells them apart by headers alone. */
export function operationOf(
  method: string,
  segments: string[],
  headers: CosmosRequest['headers'],
): CosmosRequest['operation'] {
  if (!isOnItems(segments)) return 'metadata';
  if (segments.length === 6) return byMethod[method] ?? 'metadata';
  if (method === 'GET') return 'query';
  if (method !== 'POST') return 'metadata';
  if (flag(headers, 'x-ms-cosmos-is-query-plan-request')) return 'metadata';
  if (flag(headers, 'x-ms-cosmos-is-batch-request')) return 'batch';
  if (
    flag(headers, 'x-ms-documentdb-isquery') ||
    headers['content-type']?.startsWith('application/query+json')
  ) {
    return 'query';
  }
  return flag(headers, 'x-ms-documentdb-is-upsert') ? 'upsert' : 'create';
}

/** …/docs and …/docs/id; what lies below an item is none. */
export const isOnItems = (segments: string[]): boolean => segments[4] === 'docs' && segments.length <= 6;

export type ItemRoutes = (request: CosmosRequest) => Answer;

/** Answers requests on /dbs/…/colls/…/docs. */
export function createItemRoutes(
  containers: Containers,
  items: Items,
  operations: Operations,
  storage: Storage,
): ItemRoutes {
  return (request) => {
    const { segments, headers, operation, body } = request;
    const container = containers.ownerOfItems(segments[1]!, segments[3]!);
    refuseUnknown(headers);
    if (operation === 'query') return page(items, container, request);
    if (operation === 'batch') return batch(operations, storage, container, request);
    if (operation === 'metadata') {
      if (request.method === 'POST')
        return { status: 200, body: planOf(readQueryBody(body)), charge: 1, container };
      throw new Refusal(405, 0, `${request.method} is not possible on this path.`);
    }
    const id = segments[5] ?? '';
    const partition = partitionOfHeader(header(headers, PARTITION));
    if (partition === undefined) throw badRequest('PartitionKey value must be supplied for this operation.');
    const target = { container, partition };
    return point(operations, target, operation, id, request);
  };
}

function point(
  operations: Operations,
  target: Target,
  operation: Exclude<FaultOperation, 'query' | 'batch'>,
  id: string,
  { headers, body }: CosmosRequest,
): Answer {
  const pre = { ifMatch: header(headers, 'if-match'), ifNoneMatch: header(headers, 'if-none-match') };
  switch (operation) {
    case 'read':
      return answer(operations.read(target, id, pre), target.container);
    case 'create':
      return answer(operations.create(target, readDocument(body), pre), target.container, operation);
    case 'upsert':
      return answer(operations.upsert(target, readDocument(body), pre), target.container, operation);
    case 'replace':
      return answer(operations.replace(target, id, readDocument(body), pre), target.container, operation);
    case 'patch':
      return answer(operations.patch(target, id, readJson(body), pre), target.container, operation);
    case 'delete':
      return answer(operations.delete(target, id, pre), target.container, operation);
  }
}

function answer({ status, row, charge, etag }: Done, container: Container, kind?: WriteKind): Answer {
  const text = row ? render(container, row) : '';
  return { status, body: text, charge, etag, container, committed: kind ? [kind] : [] };
}

function readJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw badRequest('The request body is not valid JSON.');
  }
}

function page(items: Items, container: Container, { method, headers, body }: CosmosRequest): Answer {
  const size = Number(header(headers, 'x-ms-max-item-count') ?? -1);
  if (!Number.isInteger(size) || size === 0 || size < -1)
    throw badRequest('x-ms-max-item-count is -1 or positive.');
  // A GET lists all items (readAll): the same as the plainest query.
  const asked = method === 'GET' ? { text: 'SELECT * FROM c', parameters: new Map() } : readQueryBody(body);
  const { documents, continuation, charge } = runQuery(items, container, {
    ...asked,
    partition: partitionOfHeader(header(headers, PARTITION)),
    range: header(headers, 'x-ms-documentdb-partitionkeyrangeid'),
    isCrossAllowed: method === 'GET' || flag(headers, 'x-ms-documentdb-query-enablecrosspartition'),
    pageSize: size === -1 ? undefined : size,
    continuation: header(headers, 'x-ms-continuation'),
  });
  const text = `{"_rid":"${container.rid}","Documents":[${documents.join(',')}],"_count":${documents.length}}`;
  return { status: 200, body: text, charge, container, continuation, itemCount: documents.length };
}

function batch(
  operations: Operations,
  storage: Storage,
  container: Container,
  request: CosmosRequest,
): Answer {
  const { headers, body } = request;
  const outcome = runBatch(operations, storage, {
    container,
    partition: partitionOfHeader(header(headers, PARTITION)),
    atomic: flag(headers, 'x-ms-cosmos-batch-atomic'),
    continueOnError: flag(headers, 'x-ms-cosmos-batch-continue-on-error'),
    body,
    withBodies: header(headers, 'prefer') !== 'return=minimal',
  });
  return { ...outcome, container };
}

// Headers that would change the answer, and that nothing here knows.
const unsupported = [
  'a-im',
  'x-ms-documentdb-pre-trigger-include',
  'x-ms-documentdb-post-trigger-include',
  'x-ms-start-epk',
  'x-ms-end-epk',
];

// learn.microsoft.com/azure/cosmos-db/consistency-levels: a request may only ask for less than the account has, which is Session.
const stronger = ['strong', 'boundedstaleness'];

function refuseUnknown(headers: CosmosRequest['headers']): void {
  const level = header(headers, 'x-ms-consistency-level');
  if (level !== undefined && stronger.includes(level.toLowerCase()))
    throw badRequest(`Consistency level ${level} is stronger than the account's, which is Session.`);
  for (const name of unsupported) {
    if (headers[name] !== undefined) throw badRequest(`The header '${name}' is not supported here.`);
  }
}
