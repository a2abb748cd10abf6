import type { Container } from './containers.ts';
import { badRequest, Refusal } from './refusal.ts';
import { type Parameters, parameterValue } from './sql-evaluate.ts';
import type { Statement } from './sql-parse.ts';
import type { Amount, Expression } from './sql-reader.ts';

/** Where the client puts what it goes on from; `true` at first. */
const FILTER = '{documentdb-formattableorderbyquery-filter}';

/**
 * The query plan: what a client has to do with the answers of all partition ranges, and the query that it is to send to each. It is
 * of the service's form, also where there is but one range, so that a client meets here what it meets there.
 */
export function queryPlan(statement: Statement, parameters: Parameters): string {
  const { select, top, orderBy, offset, limit, text } = statement;
  const amount = (given: Amount | undefined): number | null =>
    given === undefined ? null : amountOf(given, parameters);
  return JSON.stringify({
    partitionedQueryExecutionInfoVersion: 2,
    queryInfo: {
      distinctType: 'None',
      top: amount(top),
      offset: amount(offset),
      limit: amount(limit),
      orderBy: orderBy ? [orderBy.descending ? 'Descending' : 'Ascending'] : [],
      orderByExpressions: text.orderBy === undefined ? [] : [text.orderBy],
      groupByExpressions: [],
      groupByAliases: [],
      aggregates: select.kind === 'count' ? ['Count'] : [],
      groupByAliasToAggregateType: {},
      rewrittenQuery: rewritten(statement, parameters),
      hasSelectValue: select.kind === 'value' || select.kind === 'count',
      hasNonStreamingOrderBy: false,
    },
    queryRanges: [{ min: '', max: 'FF', isMinInclusive: true, isMaxInclusive: false }],
  });
}

/** The query for each range; empty: as it is. */
function rewritten(statement: Statement, parameters: Parameters): string {
  const { select, top, orderBy, offset, limit, text } = statement;
  if (!orderBy && offset === undefined && select.kind !== 'count') return '';
  const upTo =
    offset === undefined || limit === undefined
      ? ''
      : ` OFFSET 0 LIMIT ${amountOf(offset, parameters) + amountOf(limit, parameters)}`;
  const first = top === undefined ? '' : `TOP ${amountOf(top, parameters)} `;
  const where = text.where === undefined ? '' : ` WHERE ${text.where}`;
  if (select.kind === 'count') return `SELECT VALUE [{"item": COUNT(1)}] FROM ${text.from}${where}`;
  if (!orderBy) return `SELECT ${selected(statement)} FROM ${text.from}${where}${upTo}`;
  const sorted = `ORDER BY ${text.orderBy} ${orderBy.descending ? 'DESC' : 'ASC'}`;
  const items = `${text.root}._rid, [{"item": ${text.orderBy}}] AS orderByItems, ${payload(statement)} AS payload`;
  const condition = text.where === undefined ? FILTER : `(${text.where}) AND ${FILTER}`;
  return `SELECT ${first}${items} FROM ${text.from} WHERE ${condition} ${sorted}${upTo}`;
}

function selected({ select }: Statement): string {
  if (select.kind === 'fields') return select.fields.map(({ name, text }) => `${text} AS ${name}`).join(', ');
  return select.kind === 'value' ? `VALUE ${select.text}` : '*';
}

function payload({ select, text: { root } }: Statement): string {
  if (select.kind === 'fields')
    return `{${select.fields.map(({ name, text }) => `${JSON.stringify(name)}: ${text}`).join(', ')}}`;
  return select.kind === 'value' ? select.text : root;
}

/**
 * Refuses what the service's gateway refuses of a query that names neither a partition nor a range.
 * @throws Refusal
 */
export function refuseUnservable(
  statement: Statement,
  parameters: Parameters,
  container: Container,
  isCrossAllowed: boolean,
): void {
  if (statement.where && staysInOnePartition(statement.where, container.partitionKeyPath)) return;
  if (!isCrossAllowed)
    throw badRequest(
      'Cross partition query is required but disabled. Please set x-ms-documentdb-query-enablecrosspartition to true, specify x-ms-documentdb-partitionkey, or revise your query to avoid this exception.',
    );
  // learn.microsoft.com/rest/api/cosmos-db/querying-cosmosdb-resources-using-the-rest-api, "Queries that cannot be served by gateway":
  // TOP, ORDER BY, OFFSET LIMIT, aggregates. The client asks for the plan and has it carried out, range by range.
  const { top, orderBy, offset, select } = statement;
  if (top === undefined && !orderBy && offset === undefined && select.kind !== 'count') return;
  const message =
    'The provided cross partition query can not be directly served by the gateway. This is a first chance (internal) exception that all newer clients will know how to handle gracefully.';
  const refusal = new Refusal(400, 1004, message);
  refusal.info = queryPlan(statement, parameters);
  throw refusal;
}

/** Whether the condition holds in a single partition only: it compares the partition key with a value, beside whatever else. */
function staysInOnePartition(where: Expression, path: string[]): boolean {
  if (where.kind === 'and')
    return staysInOnePartition(where.left, path) || staysInOnePartition(where.right, path);
  if (where.kind !== 'compare' || where.sign !== '=') return false;
  const sides = [where.left, where.right];
  const isKey = ({ kind, ...of }: Expression): boolean =>
    kind === 'path' && JSON.stringify((of as { steps: unknown[] }).steps) === JSON.stringify(path);
  return sides.some(isKey) && sides.some(({ kind }) => kind === 'literal' || kind === 'parameter');
}

/** A number that stands in the statement or in a parameter. */
export function amountOf(amount: Amount, parameters: Parameters): number {
  const value = typeof amount === 'number' ? amount : parameterValue(amount, parameters);
  if (!Number.isInteger(value) || (value as number) < 0)
    throw badRequest('TOP, OFFSET and LIMIT are whole numbers.');
  return value as number;
}
