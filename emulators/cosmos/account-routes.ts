import { type Answer, type CosmosRequest, header } from './answer.ts';
import type { Container, Containers } from './containers.ts';
import { ONLY_RANGE } from './query.ts';
import { badRequest, notFound, Refusal } from './refusal.ts';

const METADATA_CHARGE = 1;

/** Answers requests on the account, its databases and its containers. */
export function createAccountRoutes(containers: Containers, multipleWriteRegions: boolean) {
  return (request: CosmosRequest): Answer => {
    const { method, segments, identity } = request;
    const [dbs, database, colls, container, ranges] = segments;
    // "Data-plane role assignments cannot create, replace or delete databases and containers": 403/5300.
    if (identity === 'entra' && method !== 'GET') {
      const message = `Request blocked by Auth: ${method} /${segments.join('/')} cannot be authorized by AAD token in data plane.`;
      throw new Refusal(403, 5300, message);
    }
    if (segments.length === 0 && method === 'GET')
      return ok(accountDocument(request.endpoint, multipleWriteRegions));
    if (dbs === 'dbs' && segments.length <= 2) return onDatabase(containers, request, database);
    if (dbs === 'dbs' && colls === 'colls' && segments.length <= 4) {
      return onContainer(containers, request, database!, container);
    }
    if (dbs === 'dbs' && ranges === 'pkranges' && segments.length === 5 && method === 'GET') {
      return partitionRanges(containers.ownerOfItems(database!, container!), request);
    }
    throw badRequest(`${method} /${segments.join('/')} is not supported here.`);
  };
}

/** The account document. The client then talks to the endpoints in it: so they are what it reached us by. */
function accountDocument(endpoint: string, multipleWriteRegions: boolean): unknown {
  const region = { name: 'Local', databaseAccountEndpoint: endpoint };
  const second = { name: 'Local 2', databaseAccountEndpoint: endpoint };
  const regions = multipleWriteRegions ? [region, second] : [region];
  return {
    _self: '',
    // Not "localhost": with that id the client ignores the regions.
    id: 'cosmos-emulator',
    _rid: 'cosmos-emulator',
    media: '//media/',
    addresses: '//addresses/',
    _dbs: '//dbs/',
    writableLocations: regions,
    readableLocations: regions,
    enableMultipleWriteLocations: multipleWriteRegions,
    userReplicationPolicy: { asyncReplication: false, minReplicaSetSize: 1, maxReplicasetSize: 4 },
    userConsistencyPolicy: { defaultConsistencyLevel: 'Session' },
    systemReplicationPolicy: { minReplicaSetSize: 1, maxReplicasetSize: 4 },
    readPolicy: { primaryReadCoefficient: 1, secondaryReadCoefficient: 1 },
    queryEngineConfiguration:
      '{"maxSqlQueryInputLength":262144,"maxJoinsPerSqlQuery":0,"allowNewKeywords":true}',
  };
}

function ok(body: unknown, status = 200): Answer {
  return { status, body: JSON.stringify(body), charge: METADATA_CHARGE };
}

function named(body: string): Record<string, unknown> & { id: string } {
  let sent: unknown;
  try {
    sent = JSON.parse(body);
  } catch {
    throw badRequest('The request body is not valid JSON.');
  }
  const { id } = (sent ?? {}) as { id?: unknown };
  if (typeof id !== 'string' || id === '' || /[/\\?#]/.test(id))
    throw badRequest('The id is missing or not legal.');
  return sent as Record<string, unknown> & { id: string };
}

function onDatabase(
  containers: Containers,
  { method, headers, body }: CosmosRequest,
  id: string | undefined,
): Answer {
  const shown = (row: { number: number; id: string; ts: number }) => {
    const rid = Buffer.alloc(4);
    rid.writeUInt32BE(row.number);
    const name = rid.toString('base64');
    return { id: row.id, _rid: name, _self: `dbs/${name}/`, _ts: row.ts, _colls: 'colls/', _users: 'users/' };
  };
  if (id === undefined) {
    if (method === 'GET') {
      const all = containers.databases().map(shown);
      return ok({ _rid: '', Databases: all, _count: all.length });
    }
    if (method === 'POST' && headers['x-ms-documentdb-isquery'] === undefined) {
      return ok(shown(containers.createDatabase(named(body).id)), 201);
    }
    throw badRequest('Queries on databases are not supported here.');
  }
  const found = containers.findDatabase(id);
  if (!found) throw notFound(`database '${id}'`);
  if (method === 'GET') return ok(shown(found));
  if (method !== 'DELETE') throw badRequest(`${method} of a database is not supported here.`);
  containers.removeDatabase(id);
  return { status: 204, body: '', charge: METADATA_CHARGE };
}

function onContainer(
  containers: Containers,
  { method, headers, body }: CosmosRequest,
  database: string,
  id: string | undefined,
): Answer {
  if (id === undefined) {
    if (method === 'GET') {
      const all = containers.containersOf(database).map(containerDocument);
      return ok({ _rid: '', DocumentCollections: all, _count: all.length });
    }
    if (method !== 'POST' || headers['x-ms-documentdb-isquery'] !== undefined) {
      throw badRequest('Queries on containers are not supported here.');
    }
    const { id: name, ...given } = named(body);
    return answer(containers.createContainer(database, name, given), 201);
  }
  // 1003 if the database is missing, 0 if it is only the container: it is itself what was asked for.
  containers.containersOf(database);
  const found = containers.findContainer(database, id);
  if (!found) throw notFound(`container '${id}'`);
  if (method === 'GET') return answer(found, 200);
  if (method === 'PUT') return answer(containers.replaceContainer(found, named(body)), 200);
  if (method !== 'DELETE') throw badRequest(`${method} of a container is not supported here.`);
  containers.removeContainer(found);
  return { status: 204, body: '', charge: METADATA_CHARGE };
}

function answer(container: Container, status: number): Answer {
  return { ...ok(containerDocument(container), status), etag: container.etag };
}

function containerDocument(container: Container): Record<string, unknown> {
  const { definition, rid, etag, ts } = container;
  const self = `dbs/${rid.slice(0, 6)}==/colls/${rid}/`;
  return { ...definition, _rid: rid, _self: self, _etag: etag, _ts: ts, _docs: 'docs/', _sprocs: 'sprocs/' };
}

/**
 * One physical partition: all there is to know for the client's queries over all partitions. It is a feed of changes: who has it
 * as it is, is told so; Python's client asks on until then.
 */
function partitionRanges(container: Container, { headers }: CosmosRequest): Answer {
  const { etag } = container;
  if (header(headers, 'if-none-match') === etag)
    return { status: 304, body: '', charge: METADATA_CHARGE, etag };
  const range = {
    _rid: container.rid,
    id: ONLY_RANGE,
    minInclusive: '',
    maxExclusive: 'FF',
    ridPrefix: 0,
    throughputFraction: 1,
    status: 'online',
    parents: [],
    _etag: etag,
    _ts: container.ts,
  };
  return { ...ok({ _rid: container.rid, PartitionKeyRanges: [range], _count: 1 }), etag };
}
