import { badRequest } from './refusal.ts';
import { type Amount, createReader, type Expression, type Reader } from './sql-reader.ts';

export type Projection =
  | { kind: 'all' }
  | { kind: 'count' }
  | { kind: 'value'; of: Expression }
  | { kind: 'fields'; fields: { name: string; of: Expression }[] };

export type Statement = {
  select: Projection;
  top: Amount | undefined;
  where: Expression | undefined;
  orderBy: { steps: (string | number)[]; descending: boolean } | undefined;
  offset: Amount | undefined;
  limit: Amount | undefined;
};

const AFTER_FROM = /^(?:WHERE|ORDER|OFFSET)$/i;

/** Parses a query. Whatever is not of the subset is refused with 400, naming the token. */
export function parseQuery(text: string): Statement {
  const reader = createReader(text);
  const { take, expect, failure } = reader;
  expect('SELECT');
  const top = take('TOP') ? reader.amount() : undefined;
  // The alias is only known after FROM, so the selection is read a second time once it is.
  const selectionAt = reader.position();
  reader.skipTo('FROM');
  reader.alias();
  const afterFrom = reader.position();
  // Before the selection is read: it may name what a JOIN would have brought.
  if (reader.peek().kind !== 'end' && !AFTER_FROM.test(reader.peek().text)) throw failure();
  reader.moveTo(selectionAt);
  const select = selection(reader);
  expect('FROM');
  reader.moveTo(afterFrom);
  const where = take('WHERE') ? reader.expression() : undefined;
  let orderBy: Statement['orderBy'];
  if (take('ORDER')) {
    expect('BY');
    const steps = reader.path();
    if (steps.length === 0 || steps.some((step) => typeof step === 'number'))
      throw badRequest('ORDER BY the whole item, or an element of an array, is not supported here.');
    const descending = take('DESC');
    if (!descending) take('ASC');
    orderBy = { steps, descending };
  }
  let offset: Amount | undefined;
  let limit: Amount | undefined;
  if (take('OFFSET')) {
    offset = reader.amount();
    expect('LIMIT');
    limit = reader.amount();
  }
  if (reader.peek().kind !== 'end') throw failure();
  if (select.kind === 'count' && (top !== undefined || orderBy || offset !== undefined)) {
    throw badRequest('COUNT together with TOP, ORDER BY or OFFSET is not supported here.');
  }
  if (top !== undefined && offset !== undefined)
    throw badRequest('TOP together with OFFSET LIMIT is not allowed.');
  return { select, top, where, orderBy, offset, limit };
}

/** Parses a patch's condition: "from c where c.version = 3". */
export function parseCondition(text: string): Expression {
  const reader = createReader(text);
  reader.expect('FROM');
  reader.alias();
  reader.expect('WHERE');
  const condition = reader.expression();
  if (reader.peek().kind !== 'end') throw reader.failure();
  return condition;
}

function selection(reader: Reader): Projection {
  const { take, expect } = reader;
  if (take('*')) return { kind: 'all' };
  if (take('VALUE')) {
    if (!take('COUNT')) return { kind: 'value', of: reader.expression() };
    expect('(');
    if (reader.peek().text !== '1') throw reader.failure('only COUNT(1)');
    reader.next();
    expect(')');
    return { kind: 'count' };
  }
  const fields: { name: string; of: Expression }[] = [];
  do {
    const steps = reader.path();
    const last = steps.at(-1);
    const name = take('AS') ? reader.name() : (last ?? reader.rootName());
    if (typeof name !== 'string') throw badRequest('A selected array element needs a name: AS name.');
    if (fields.some((field) => field.name === name))
      throw badRequest(`The name '${name}' is selected twice.`);
    fields.push({ name, of: { kind: 'path', steps } });
  } while (take(','));
  return { kind: 'fields', fields };
}
