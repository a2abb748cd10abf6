import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { readQueryBody } from '../emulators/cosmos/query.ts';
import { compareValues, evaluate } from '../emulators/cosmos/sql-evaluate.ts';
import { parseQuery } from '../emulators/cosmos/sql-parse.ts';
import { readBody } from '../emulators/http-listener.ts';

type Item = { id: string; [field: string]: unknown };

/** Where the client puts the condition that it goes on with. */
const FILTER = '{documentdb-formattableorderbyquery-filter}';
const RANGES = [
  { id: '0', minInclusive: '', maxExclusive: '7F', status: 'online' },
  { id: '1', minInclusive: '7F', maxExclusive: 'FF', status: 'online' },
];

/**
 * An account whose container has two physical partitions, for reading only. As the service does, it refuses what would have to be
 * sorted over all of them, and says with it how the client is to sort: by a query to each, whose answers bear what they are
 * sorted by. The stand-in has one partition, and sorts itself.
 */
export async function openTwoRanges(items: readonly Item[]) {
  const queries: string[] = [];
  const server = createServer(async (request, response) => {
    const { method, url = '', headers } = request;
    const [, , , , , part] = url.split('/');
    const send = (status: number, body: unknown, more: Record<string, string> = {}): void => {
      response.writeHead(status, { 'content-type': 'application/json', etag: '"1"', ...more });
      response.end(JSON.stringify(body));
    };
    if (url === '/') return send(200, accountAt(`http://${headers.host}/`));
    if (method === 'GET' && part === 'pkranges')
      return send(200, { _rid: 'AAAAAAAAAAA=', PartitionKeyRanges: RANGES, _count: 2 });
    if (method === 'GET')
      return send(200, {
        id: 'c',
        _rid: 'AAAAAAAAAAA=',
        partitionKey: { paths: ['/sessionId'], version: 2 },
      });
    const { text, parameters } = readQueryBody(await readBody(request, 100_000));
    if (headers['x-ms-cosmos-is-query-plan-request']) return send(200, planOf(text));
    const range = RANGES.findIndex(({ id }) => id === headers['x-ms-documentdb-partitionkeyrangeid']);
    if (range < 0)
      return send(400, {
        code: 'BadRequest',
        message: 'Cross partition query only supports what needs no sorting.',
        additionalErrorInfo: JSON.stringify(planOf(text)),
      });
    queries.push(text);
    const { where, orderBy } = parseQuery(text.replaceAll('(true)', '(1 = 1)'));
    const steps = orderBy!.steps as [string];
    const sorted = items
      .filter((_, index) => index % RANGES.length === range)
      .filter((item) => evaluate(where!, item, parameters) === true)
      .toSorted((one, other) => compareValues(other[steps[0]], one[steps[0]]));
    const from = Number(headers['x-ms-continuation'] ?? 0);
    const to = from + Number(headers['x-ms-max-item-count']);
    const Documents = sorted.slice(from, to).map((item) => ({
      _rid: item.id,
      orderByItems: [{ item: item[steps[0]] }],
      payload: item,
    }));
    send(
      200,
      { _rid: 'AAAAAAAAAAA=', Documents, _count: Documents.length },
      to < sorted.length ? { 'x-ms-continuation': String(to) } : {},
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, queries };
}

const accountAt = (databaseAccountEndpoint: string) => ({
  id: 'account',
  writableLocations: [{ name: 'Here', databaseAccountEndpoint }],
  readableLocations: [{ name: 'Here', databaseAccountEndpoint }],
  userConsistencyPolicy: { defaultConsistencyLevel: 'Session' },
});

const planOf = (text: string) => ({
  partitionedQueryExecutionInfoVersion: 2,
  queryInfo: {
    distinctType: 'None',
    top: null,
    offset: null,
    limit: null,
    orderBy: ['Descending'],
    orderByExpressions: ['c.lastActivity'],
    groupByExpressions: [],
    groupByAliases: [],
    aggregates: [],
    groupByAliasToAggregateType: {},
    rewrittenQuery: text.replace(' ORDER BY', ` AND (${FILTER}) ORDER BY`),
    hasSelectValue: false,
    hasNonStreamingOrderBy: false,
  },
  queryRanges: [{ min: '', max: 'FF', isMinInclusive: true, isMaxInclusive: false }],
});
