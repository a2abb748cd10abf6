import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Container } from './containers.ts';
import { type Items, parse, type Row, render } from './items.ts';
import { amountOf, queryPlan, refuseUnservable } from './query-plan.ts';
import { badRequest, Refusal } from './refusal.ts';
import { queryCharge } from './request-units.ts';
import { compareValues, evaluate, objectOf, type Parameters, valueAt } from './sql-evaluate.ts';
import { parseQuery, type Statement } from './sql-parse.ts';

export type QueryRequest = {
  text: string;
  parameters: Parameters;
  /** Undefined: all partitions. */
  partition: string | undefined;
  /** The partition range that is asked, of those that the container told. */
  range: string | undefined;
  isCrossAllowed: boolean;
  pageSize: number | undefined;
  continuation: string | undefined;
};
export type Page = { documents: string[]; continuation: string | undefined; charge: number };

/** Where a page ended: after this sort value and sequence number, with so many results still allowed. */
type Token = { query: string; value?: unknown; seq: number; left: number | null };
type Found = { row: Row; item: Record<string, unknown>; value: unknown };

/** There is one physical partition. */
export const ONLY_RANGE = '0';

// As the service does without x-ms-max-item-count.
const DEFAULT_PAGE = 100;
// learn.microsoft.com/azure/cosmos-db/concepts-limits: "Maximum response size (for example, paginated query)".
const MAX_PAGE_BYTES = 4 * 1024 * 1024;
// Node's client takes 16 KB of response headers altogether.
const MAX_TOKEN = 8_000;

const parameterList = z.array(z.object({ name: z.string().startsWith('@'), value: z.unknown().optional() }));

/** Reads `{query, parameters}` as the client sends it. */
export function readQueryBody(body: string): { text: string; parameters: Parameters } {
  let sent: { query?: unknown; parameters?: unknown };
  try {
    sent = JSON.parse(body);
  } catch {
    throw badRequest('The query is not valid JSON.');
  }
  if (typeof sent?.query !== 'string') throw badRequest('The query has no text.');
  const given = parameterList.safeParse(sent.parameters ?? []);
  if (!given.success) throw badRequest(`The query parameters are not valid: ${z.prettifyError(given.error)}`);
  return { text: sent.query, parameters: new Map(given.data.map(({ name, value }) => [name, value])) };
}

/** The plan of a query, which the client asks for before each one. */
export const planOf = ({ text, parameters }: Pick<QueryRequest, 'text' | 'parameters'>): string =>
  queryPlan(parseQuery(text), parameters);

/**
 * Answers a page of a query. Pages go on by value, not by offset: writes in between neither skip nor repeat.
 * @throws Refusal for what the service leaves to the client: to ask each partition range and put the answers together
 */
export function runQuery(items: Items, container: Container, request: QueryRequest): Page {
  const statement = parseQuery(request.text);
  const { parameters, partition, range } = request;
  if (range !== undefined && range !== ONLY_RANGE)
    throw new Refusal(410, 1002, `There is no partition key range '${range}'.`);
  if (partition === undefined && range === undefined)
    refuseUnservable(statement, parameters, container, request.isCrossAllowed);
  const name = fingerprint(request, statement);
  const start = request.continuation === undefined ? undefined : readToken(request.continuation, name);
  const skipped = start || statement.offset === undefined ? 0 : amountOf(statement.offset, parameters);
  const cap = statement.top ?? statement.limit;
  const left = start ? start.left : cap === undefined ? null : amountOf(cap, parameters);
  const pageSize = request.pageSize ?? DEFAULT_PAGE;
  // One more than the page tells whether there is another.
  const enough = statement.select.kind === 'count' ? Number.POSITIVE_INFINITY : skipped + pageSize + 1;
  const matched = matching(items, container, request.partition, statement, parameters, start, enough);
  if (statement.select.kind === 'count') {
    const { isPart } = statement.select;
    const counted = isPart ? JSON.stringify([{ item: matched.length }]) : String(matched.length);
    return { documents: [counted], continuation: undefined, charge: queryCharge([]) };
  }
  const rest = start ? matched.filter((found) => isAfter(found, start, statement)) : matched;
  const wanted = rest.slice(skipped, skipped + Math.min(pageSize, left ?? pageSize));
  const { taken, documents } = fitting(wanted, (found) => projected(found, container, statement, parameters));
  const remaining = left === null ? null : left - taken.length;
  const last = taken.at(-1);
  const more = last !== undefined && remaining !== 0 && rest.length > skipped + taken.length;
  return {
    documents,
    continuation: more
      ? writeToken({ query: name, value: last.value, seq: last.row.seq, left: remaining })
      : undefined,
    charge: queryCharge(taken.map((found) => found.row.bytes)),
  };
}

/** As many as a page can hold, one at least. */
function fitting(
  wanted: Found[],
  shown: (found: Found) => string[],
): { taken: Found[]; documents: string[] } {
  const documents: string[] = [];
  let bytes = 0;
  for (const [at, found] of wanted.entries()) {
    const texts = shown(found);
    bytes += texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    if (bytes > MAX_PAGE_BYTES && at > 0) return { taken: wanted.slice(0, at), documents };
    documents.push(...texts);
  }
  return { taken: wanted, documents };
}

/** What the statement selects, in its order: all of it where it has to be sorted, else no more than is enough. */
function matching(
  items: Items,
  container: Container,
  partition: string | undefined,
  { where, orderBy }: Statement,
  parameters: Parameters,
  start: Token | undefined,
  enough: number,
): Found[] {
  const found: Found[] = [];
  // Without ORDER BY a page goes on by sequence number alone: what was read for earlier ones need not be read again.
  for (const row of items.scan(container, partition, orderBy ? 0 : start?.seq)) {
    const item = parse(container, row);
    if (where && evaluate(where, item, parameters) !== true) continue;
    const value = orderBy && valueAt(item, orderBy.steps);
    // "The default indexing policy won't allow for the retrieval of the documents where the sort property is
    // undefined" (Microsoft's page on ORDER BY).
    if (orderBy && value === undefined) continue;
    found.push({ row, item, value });
    if (!orderBy && found.length >= enough) break;
  }
  if (orderBy) found.sort((a, b) => order(a, b, orderBy.descending));
  return found;
}

type Place = { value: unknown; row: Pick<Row, 'seq'> };

// Equal ones by the number that their ids hold, backwards too: by it the client skips what it has had of a page.
function order(a: Place, b: Place, descending: boolean): number {
  const ascending = compareValues(a.value, b.value) || a.row.seq - b.row.seq;
  return descending ? -ascending : ascending;
}

function isAfter(found: Found, { value, seq }: Token, { orderBy }: Statement): boolean {
  return orderBy ? order(found, { value, row: { seq } }, orderBy.descending) > 0 : found.row.seq > seq;
}

function projected(
  { row, item }: Found,
  container: Container,
  { select }: Statement,
  parameters: Parameters,
): string[] {
  if (select.kind === 'all') return [render(container, row)];
  if (select.kind === 'value') {
    const value = evaluate(select.of, item, parameters);
    return value === undefined ? [] : [JSON.stringify(value)];
  }
  if (select.kind === 'count') return [];
  return [JSON.stringify(objectOf(select.fields, item, parameters))];
}

/** What a token is good for. Of a sorted query it is the order: the client narrows the condition where it goes on. */
function fingerprint({ text, parameters, partition }: QueryRequest, { orderBy }: Statement): string {
  const whole = JSON.stringify([partition ?? null, orderBy ?? [text, ...parameters]]);
  return createHash('sha256').update(whole).digest('base64url').slice(0, 12);
}

function writeToken(token: Token): string {
  const text = Buffer.from(JSON.stringify(token)).toString('base64url');
  if (text.length > MAX_TOKEN)
    throw badRequest('Paging by a sort value longer than 6 KB is not supported here.');
  return text;
}

function readToken(text: string, query: string): Token {
  let token: Token;
  try {
    token = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    throw badRequest('The continuation token is malformed.');
  }
  if (token?.query !== query) throw badRequest('The continuation token belongs to another query.');
  return token;
}
