import { badRequest } from './refusal.ts';
import { type Amount, createReader, type Expression, type Reader } from './sql-reader.ts';

export type Projection =
  | { kind: 'all' }
  /** `isPart`: as a query plan has it written, for a client that adds the parts up. */
  | { kind: 'count'; isPart: boolean }
  | { kind: 'value'; of: Expression; text: string }
  | { kind: 'fields'; fields: { name: string; of: Expression; text: string }[] };

export type Statement = {
  select: Projection;
  top: Amount | undefined;
  where: Expression | undefined;
  orderBy: { steps: (string | number)[]; descending: boolean } | undefined;
  offset: Amount | undefined;
  limit: Amount | undefined;
  /** The words of the statement itself, of which its plan is written. */
  text: { from: string; root: string; where: string | undefined; orderBy: string | undefined };
};

const AFTER_FROM = /^(?:WHERE|ORDER|OFFSET)$/i;

/** Parses a query. Whatever is not of the subset is refused with 400, naming the token. */
export function parseQuery(query: string): Statement {
  const reader = createReader(query);
  const { take, expect, failure } = reader;
  expect('SELECT');
  const top = take('TOP') ? reader.amount() : undefined;
  // The alias is only known after FROM, so the selection is read a second time once it is.
  const selectionAt = reader.position();
  reader.skipTo('FROM');
  const fromAt = reader.position();
  reader.alias();
  const from = reader.textFrom(fromAt);
  const afterFrom = reader.position();
  // Before the selection is read: it may name what a JOIN would have brought.
  if (reader.peek().kind !== 'end' && !AFTER_FROM.test(reader.peek().text)) throw failure();
  reader.moveTo(selectionAt);
  const select = selection(reader);
  expect('FROM');
  reader.moveTo(afterFrom);
  let where: Expression | undefined;
  const text: Statement['text'] = { from, root: reader.rootName()!, where: undefined, orderBy: undefined };
  if (take('WHERE')) {
    const whereAt = reader.position();
    where = reader.expression();
    text.where = reader.textFrom(whereAt);
  }
  let orderBy: Statement['orderBy'];
  if (take('ORDER')) {
    expect('BY');
    const orderAt = reader.position();
    const steps = reader.path();
    text.orderBy = reader.textFrom(orderAt);
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
  return { select, top, where, orderBy, offset, limit, text };
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
  const { take } = reader;
  if (take('*')) return { kind: 'all' };
  if (take('VALUE')) return count(reader) ?? value(reader);
  const fields: { name: string; of: Expression; text: string }[] = [];
  do {
    const at = reader.position();
    const of = reader.expression();
    const text = reader.textFrom(at);
    const own = of.kind === 'path' ? (of.steps.at(-1) ?? reader.rootName()) : undefined;
    const name = take('AS') ? reader.name() : own;
    if (typeof name !== 'string') throw badRequest(`What is selected by '${text}' needs a name: AS name.`);
    if (fields.some((field) => field.name === name))
      throw badRequest(`The name '${name}' is selected twice.`);
    fields.push({ name, of, text });
  } while (take(','));
  return { kind: 'fields', fields };
}

function value(reader: Reader): Projection {
  const at = reader.position();
  const of = reader.expression();
  return { kind: 'value', of, text: reader.textFrom(at) };
}

function count(reader: Reader): Projection | undefined {
  const { take, expect } = reader;
  const at = reader.position();
  const isItem = () => reader.peek().kind === 'string' && reader.next().value === 'item';
  const isPart = take('[') && take('{') && isItem() && take(':');
  if (!isPart) reader.moveTo(at);
  if (!take('COUNT')) {
    reader.moveTo(at);
    return undefined;
  }
  expect('(');
  if (reader.peek().text !== '1') throw reader.failure('only COUNT(1)');
  reader.next();
  expect(')');
  if (isPart) {
    expect('}');
    expect(']');
  }
  return { kind: 'count', isPart };
}
