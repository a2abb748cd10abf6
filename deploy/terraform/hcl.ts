/** A block of HCL: its labels, its attributes as they stand, its inner blocks in order. */
export type Block = {
  type: string;
  labels: string[];
  /** Expressions as text, with the white space around them gone. */
  attributes: Record<string, string>;
  blocks: Block[];
};

type Reader = { text: string; at: number };

/**
 * As much of HCL as a structure needs: blocks, attributes, comments, strings. Expressions stay text.
 * @throws Error that names the line where it is none
 */
export function parseHcl(text: string): Block {
  const reader = { text, at: 0 };
  const root = body(reader, { type: '', labels: [], attributes: {}, blocks: [] });
  if (reader.at < text.length) throw unexpected(reader, 'a block or an attribute');
  return root;
}

/** Every block of that type at any depth, `dynamic` ones as what they make. */
export function find(within: Block, type: string): Block[] {
  return within.blocks.flatMap((block) => [
    ...(block.type === type ? [block] : []),
    ...(block.type === 'dynamic' && block.labels[0] === type
      ? block.blocks.filter((inner) => inner.type === 'content')
      : []),
    ...find(block, type),
  ]);
}

/** The value of a string without any reference in it, or undefined. */
export const literal = (expression: string | undefined): string | undefined =>
  /^"((?:[^"\\$]|\\.)*)"$/.exec(expression ?? '')?.[1]?.replaceAll(/\\(.)/g, '$1');

/** The pairs of an object expression that stands on lines of its own: name = expression. */
export function pairs(expression: string): Record<string, string> {
  const inner = expression.slice(expression.indexOf('{') + 1, expression.lastIndexOf('}'));
  return parseHcl(inner).attributes;
}

function body(reader: Reader, block: Block): Block {
  for (skipSpace(reader); reader.at < reader.text.length && !peek(reader, '}'); skipSpace(reader)) {
    const name = take(reader, /[A-Za-z_][\w-]*/y) ?? raise(reader, 'a name');
    skipBlanks(reader);
    if (peek(reader, '=')) {
      reader.at += 1;
      if (Object.hasOwn(block.attributes, name)) throw unexpected(reader, `${name} only once`);
      block.attributes[name] = expression(reader);
      continue;
    }
    const labels: string[] = [];
    for (let label = quoted(reader); label !== undefined; label = quoted(reader)) {
      labels.push(label.slice(1, -1));
      skipBlanks(reader);
    }
    if (!peek(reader, '{')) throw unexpected(reader, '= or {');
    reader.at += 1;
    block.blocks.push(body(reader, { type: name, labels, attributes: {}, blocks: [] }));
    if (!peek(reader, '}')) throw unexpected(reader, '}');
    reader.at += 1;
  }
  return block;
}

/** Up to the end of its line, or of the line on which the last bracket is closed. */
function expression(reader: Reader): string {
  const begin = reader.at;
  for (let depth = 0; reader.at < reader.text.length; ) {
    if (quoted(reader) !== undefined || comment(reader)) continue;
    const sign = reader.text[reader.at]!;
    if ('([{'.includes(sign)) depth += 1;
    if (')]}'.includes(sign)) depth -= 1;
    if (depth < 0 || (sign === '\n' && depth === 0)) break;
    reader.at += 1;
  }
  return reader.text.slice(begin, reader.at).trim();
}

/** A string, with what `${…}` holds in it, strings too. */
function quoted(reader: Reader): string | undefined {
  if (!peek(reader, '"')) return undefined;
  const begin = reader.at;
  for (reader.at += 1; !peek(reader, '"'); ) {
    if (reader.at >= reader.text.length || peek(reader, '\n'))
      throw unexpected(reader, 'the end of a string');
    if (peek(reader, '${')) {
      for (let depth = 0; ; ) {
        if (quoted(reader) !== undefined) continue;
        if (reader.at >= reader.text.length) throw unexpected(reader, '}');
        if (peek(reader, '{')) depth += 1;
        if (peek(reader, '}')) depth -= 1;
        reader.at += 1;
        if (depth === 0 && reader.text[reader.at - 1] === '}') break;
      }
    } else reader.at += peek(reader, '\\') ? 2 : 1;
  }
  reader.at += 1;
  return reader.text.slice(begin, reader.at);
}

const peek = ({ text, at }: Reader, what: string): boolean => text.startsWith(what, at);
const comment = (reader: Reader): boolean => take(reader, /(?:#|\/\/)[^\n]*/y) !== undefined;
const skipBlanks = (reader: Reader): void => void take(reader, /[ \t]+/y);

function skipSpace(reader: Reader): void {
  while (take(reader, /[\s,]+/y) !== undefined || comment(reader));
}

function take(reader: Reader, pattern: RegExp): string | undefined {
  pattern.lastIndex = reader.at;
  const [found] = pattern.exec(reader.text) ?? [];
  reader.at += found?.length ?? 0;
  return found;
}

const raise = (reader: Reader, expected: string): never => {
  throw unexpected(reader, expected);
};

function unexpected({ text, at }: Reader, expected: string): Error {
  return new Error(
    `line ${text.slice(0, at).split('\n').length} has ${JSON.stringify(text.slice(at, at + 20))}, expected ${expected}`,
  );
}
