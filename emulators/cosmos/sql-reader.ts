import { badRequest } from './refusal.ts';
import { type Token, tokenize } from './sql-tokens.ts';

export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=';
export type Expression =
  | { kind: 'literal'; value: unknown }
  | { kind: 'parameter'; name: string }
  | { kind: 'path'; steps: (string | number)[] }
  | { kind: 'call'; name: string; args: Expression[] }
  | { kind: 'list'; values: Expression[] }
  | { kind: 'object'; fields: { name: string; of: Expression }[] }
  | { kind: 'not'; operand: Expression }
  | { kind: 'and' | 'or'; left: Expression; right: Expression }
  | { kind: 'compare'; sign: Comparison; left: Expression; right: Expression };

/** A number that stands in the statement, or the name of the parameter that holds it. */
export type Amount = number | string;

/** How many arguments a function takes: at least, at most. */
const functions: Record<string, [number, number]> = {
  IS_DEFINED: [1, 1],
  IS_NULL: [1, 1],
  IS_STRING: [1, 1],
  IS_NUMBER: [1, 1],
  IS_BOOL: [1, 1],
  IS_ARRAY: [1, 1],
  IS_OBJECT: [1, 1],
  ARRAY_LENGTH: [1, 1],
  STARTSWITH: [2, 3],
  CONTAINS: [2, 3],
};
// Words that end an expression or an alias. None of them can be a name, nor stand after a point: the service answers `c.Group` with
// "Syntax error, incorrect syntax near 'Group'", and takes `c["Group"]` (github.com/Azure/azure-cosmos-dotnet-v2/issues/507).
const reserved = new Set(
  'SELECT TOP VALUE DISTINCT FROM JOIN IN AS WHERE AND OR NOT BETWEEN LIKE ORDER GROUP BY ASC DESC OFFSET LIMIT EXISTS HAVING'.split(
    ' ',
  ),
);

export type Reader = ReturnType<typeof createReader>;

/** Reads a statement token by token: names, paths and expressions; knows the container's name once it has been read. */
export function createReader(text: string) {
  const tokens = tokenize(text);
  let at = 0;
  let root: string | undefined;
  const peek = (): Token => tokens[at]!;
  const next = (): Token => tokens[at++]!;
  const is = (word: string) => peek().kind !== 'string' && peek().text.toUpperCase() === word;
  const take = (word: string): boolean => {
    if (!is(word)) return false;
    at += 1;
    return true;
  };
  const failure = (wanted?: string) =>
    badRequest(`Syntax error near '${peek().text}'${wanted ? `: ${wanted} is` : ': not'} supported here.`);
  const expect = (word: string) => {
    if (!take(word)) throw badRequest(`Syntax error near '${peek().text}': '${word}' expected.`);
  };
  const name = (): string => {
    if (peek().kind !== 'word' || reserved.has(peek().text.toUpperCase())) throw failure();
    return next().text;
  };
  const amount = (): Amount => {
    const { kind, value } = peek();
    if (kind === 'parameter' || (kind === 'number' && Number.isInteger(value))) {
      next();
      return value;
    }
    throw failure();
  };

  const path = (): (string | number)[] => {
    const first = peek();
    if (first.kind !== 'word' || functions[first.text.toUpperCase()] || tokens[at + 1]?.text === '(')
      throw failure();
    if (reserved.has(first.text.toUpperCase())) throw failure();
    if (first.text !== root) throw badRequest(`Identifier '${first.text}' could not be resolved.`);
    next();
    const steps: (string | number)[] = [];
    for (;;) {
      if (take('.')) {
        const { kind, text } = peek();
        if (kind !== 'word') throw failure();
        if (reserved.has(text.toUpperCase()))
          throw badRequest(`Syntax error near '${text}': the word is reserved; write ["${text}"].`);
        steps.push(next().text);
      } else if (take('[')) {
        if (peek().kind !== 'string' && peek().kind !== 'number') throw failure();
        steps.push(next().value);
        expect(']');
      } else return steps;
    }
  };

  const operand = (): Expression => {
    const token = peek();
    if (take('(')) {
      const inner = expression();
      expect(')');
      return inner;
    }
    if (take('[')) return { kind: 'list', values: separated(']', expression) };
    if (take('{')) return { kind: 'object', fields: separated('}', field) };
    if (take('-')) {
      if (peek().kind !== 'number') throw failure();
      return { kind: 'literal', value: -(next().value as number) };
    }
    if (token.kind === 'string' || token.kind === 'number') return { kind: 'literal', value: next().value };
    if (token.kind === 'parameter') return { kind: 'parameter', name: next().text };
    if (take('TRUE')) return { kind: 'literal', value: true };
    if (take('FALSE')) return { kind: 'literal', value: false };
    if (take('NULL')) return { kind: 'literal', value: null };
    if (take('UNDEFINED')) return { kind: 'literal', value: undefined };
    if (token.kind === 'word' && tokens[at + 1]?.text === '(') return call();
    return { kind: 'path', steps: path() };
  };

  /** What stands between commas up to the closing sign; the opening one has been read. */
  const separated = <Read>(close: string, one: () => Read): Read[] => {
    const all: Read[] = [];
    if (take(close)) return all;
    do all.push(one());
    while (take(','));
    expect(close);
    return all;
  };
  const field = (): { name: string; of: Expression } => {
    const { kind, value } = peek();
    if (kind !== 'string') throw failure();
    next();
    expect(':');
    return { name: value as string, of: expression() };
  };

  const call = (): Expression => {
    const called = peek().text.toUpperCase();
    const arity = functions[called];
    if (!arity) throw badRequest(`The function '${peek().text}' is not supported here.`);
    next();
    expect('(');
    const args = [expression()];
    while (take(',')) args.push(expression());
    expect(')');
    if (args.length < arity[0] || args.length > arity[1]) {
      throw badRequest(`The function '${called}' was given ${args.length} argument(s).`);
    }
    return { kind: 'call', name: called, args };
  };

  const comparison = (): Expression => {
    const left = operand();
    const sign = peek().text === '<>' ? '!=' : peek().text;
    if (peek().kind === 'sign' && ['=', '!=', '<', '<=', '>', '>='].includes(sign)) {
      next();
      return { kind: 'compare', sign: sign as Comparison, left, right: operand() };
    }
    if (!take('IN')) return left;
    expect('(');
    let any: Expression = { kind: 'compare', sign: '=', left, right: operand() };
    while (take(',')) {
      any = { kind: 'or', left: any, right: { kind: 'compare', sign: '=', left, right: operand() } };
    }
    expect(')');
    return any;
  };
  const negation = (): Expression => (take('NOT') ? { kind: 'not', operand: negation() } : comparison());
  const conjunction = (): Expression => {
    let left = negation();
    while (take('AND')) left = { kind: 'and', left, right: negation() };
    return left;
  };
  function expression(): Expression {
    let left = conjunction();
    while (take('OR')) left = { kind: 'or', left, right: conjunction() };
    return left;
  }

  return {
    peek,
    next,
    take,
    expect,
    failure,
    name,
    amount,
    path,
    expression,
    position: () => at,
    /** The statement's own words from one position to this one. */
    textFrom: (position: number): string => text.slice(tokens[position]!.start, tokens[at - 1]!.end),
    moveTo: (position: number) => {
      at = position;
    },
    skipTo(word: string) {
      while (!is(word)) {
        if (next().kind === 'end') throw badRequest(`Syntax error: '${word}' expected.`);
      }
      expect(word);
    },
    /** What stands after FROM: any name of the container, and perhaps another name for it. */
    alias() {
      root = name();
      if (take('AS')) root = name();
      else if (peek().kind === 'word' && !reserved.has(peek().text.toUpperCase())) root = name();
    },
    rootName: () => root,
  };
}
