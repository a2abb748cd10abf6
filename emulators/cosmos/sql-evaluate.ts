import { badRequest } from './refusal.ts';
import type { Comparison, Expression } from './sql-reader.ts';

export type Parameters = Map<string, unknown>;

/**
 * The value of an expression for an item. Cosmos DB's logic has a third value: what is absent is `undefined`, a
 * comparison with it is `undefined`, and only `true` selects (learn.microsoft.com/azure/cosmos-db/nosql/query/
 * equality-comparison-operators and logical-operators).
 */
export function evaluate(expression: Expression, item: unknown, parameters: Parameters): unknown {
  switch (expression.kind) {
    case 'literal':
      return expression.value;
    case 'parameter':
      return parameterValue(expression.name, parameters);
    case 'path':
      return valueAt(item, expression.steps);
    case 'list':
      // What is absent leaves no gap.
      return expression.values
        .map((value) => evaluate(value, item, parameters))
        .filter((value) => value !== undefined);
    case 'object':
      return objectOf(expression.fields, item, parameters);
    case 'not': {
      const value = evaluate(expression.operand, item, parameters);
      return typeof value === 'boolean' ? !value : undefined;
    }
    case 'and': {
      const left = evaluate(expression.left, item, parameters);
      if (left === false) return false;
      const right = evaluate(expression.right, item, parameters);
      if (right === false) return false;
      return left === true && right === true ? true : undefined;
    }
    case 'or': {
      const left = evaluate(expression.left, item, parameters);
      if (left === true) return true;
      const right = evaluate(expression.right, item, parameters);
      if (right === true) return true;
      return left === false && right === false ? false : undefined;
    }
    case 'compare':
      return compared(
        expression.sign,
        evaluate(expression.left, item, parameters),
        evaluate(expression.right, item, parameters),
      );
    case 'call':
      return called(
        expression.name,
        expression.args.map((argument) => evaluate(argument, item, parameters)),
      );
  }
}

/** An object of the fields that there are. */
export function objectOf(
  fields: { name: string; of: Expression }[],
  item: unknown,
  parameters: Parameters,
): Record<string, unknown> {
  const entries = fields.map(({ name, of }) => [name, evaluate(of, item, parameters)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** The value of a parameter; 400 when the statement names one that was not sent. */
export function parameterValue(name: string, parameters: Parameters): unknown {
  if (!parameters.has(name)) throw badRequest(`The parameter '${name}' was not given.`);
  return parameters.get(name);
}

/** The value that stands at a path of an item, or undefined. */
export function valueAt(item: unknown, steps: (string | number)[]): unknown {
  let value = item;
  for (const step of steps) {
    if (Array.isArray(value)) value = typeof step === 'number' ? value[step] : undefined;
    else if (value === null || typeof value !== 'object' || typeof step === 'number') return undefined;
    else if (!Object.hasOwn(value, step)) return undefined;
    else value = (value as Record<string, unknown>)[step];
  }
  return value;
}

function compared(sign: Comparison, left: unknown, right: unknown): boolean | undefined {
  if (left === undefined || right === undefined) return undefined;
  if (sign === '=') return equal(left, right);
  if (sign === '!=') return !equal(left, right);
  if (typeOrder(left) !== typeOrder(right) || typeof left === 'object') {
    // Values of different types have no order; null has one with itself only.
    return left === null && right === null ? sign === '<=' || sign === '>=' : undefined;
  }
  const order = compareValues(left, right);
  if (sign === '<') return order < 0;
  if (sign === '<=') return order <= 0;
  return sign === '>' ? order > 0 : order >= 0;
}

function equal(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (left === null || right === null || typeof left !== 'object' || typeof right !== 'object') return false;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every(
      (name) =>
        Object.hasOwn(right, name) &&
        equal((left as Record<string, unknown>)[name], (right as Record<string, unknown>)[name]),
    )
  );
}

/** The rank of a value's type in ORDER BY: null, boolean, number, string, array, object. */
function typeOrder(value: unknown): number {
  if (value === null) return 0;
  if (Array.isArray(value)) return 4;
  return { boolean: 1, number: 2, string: 3 }[typeof value as string] ?? 5;
}

/** The order of two defined values in ORDER BY. */
export function compareValues(left: unknown, right: unknown): number {
  const types = typeOrder(left) - typeOrder(right);
  if (types !== 0) return types;
  if (typeof left === 'string' && typeof right === 'string') return compareStrings(left, right);
  if (typeof left === 'object') return 0;
  return (left as number) < (right as number) ? -1 : left === right ? 0 : 1;
}

function compareStrings(left: string, right: string): number {
  // JavaScript compares UTF-16 units, the service bytes of UTF-8: they differ only where there are surrogates.
  if (/[\ud800-\udfff]/.test(left) || /[\ud800-\udfff]/.test(right)) {
    return Buffer.compare(Buffer.from(left), Buffer.from(right));
  }
  return left < right ? -1 : left === right ? 0 : 1;
}

function called(name: string, args: unknown[]): unknown {
  const [first] = args;
  switch (name) {
    case 'IS_DEFINED':
      return first !== undefined;
    case 'IS_NULL':
      return first === null;
    case 'IS_STRING':
      return typeof first === 'string';
    case 'IS_NUMBER':
      return typeof first === 'number';
    case 'IS_BOOL':
      return typeof first === 'boolean';
    case 'IS_ARRAY':
      return Array.isArray(first);
    case 'IS_OBJECT':
      return first !== null && typeof first === 'object' && !Array.isArray(first);
    case 'ARRAY_LENGTH':
      return Array.isArray(first) ? first.length : undefined;
    default:
      return matches(name as 'STARTSWITH' | 'CONTAINS', args);
  }
}

function matches(
  name: 'STARTSWITH' | 'CONTAINS',
  [text, part, ignoreCase = false]: unknown[],
): boolean | undefined {
  if (typeof text !== 'string' || typeof part !== 'string' || typeof ignoreCase !== 'boolean')
    return undefined;
  const whole = ignoreCase ? text.toLowerCase() : text;
  const wanted = ignoreCase ? part.toLowerCase() : part;
  return name === 'STARTSWITH' ? whole.startsWith(wanted) : whole.includes(wanted);
}
