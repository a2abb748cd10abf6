import { badRequest } from './refusal.ts';

export type Token = {
  kind: 'word' | 'string' | 'number' | 'parameter' | 'sign' | 'end';
  text: string;
  value: string | number;
};

const pattern =
  /\s*(?:(?<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?<parameter>@\w+)|(?<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?<word>[A-Za-z_]\w*)|(?<sign><>|!=|<=|>=|[=<>().,*[\]-]))/sy;

/** Cuts a statement into tokens; refuses a character that no supported statement holds. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (text.slice(at).trim() !== '') {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (!found)
      throw badRequest(`Syntax error: '${text.slice(at).trim().slice(0, 20)}' is not supported here.`);
    at = pattern.lastIndex;
    const groups = found.groups!;
    if (groups.string !== undefined) tokens.push(make('string', groups.string, unquote(groups.string)));
    else if (groups.parameter !== undefined) tokens.push(make('parameter', groups.parameter));
    else if (groups.number !== undefined) tokens.push(make('number', groups.number, Number(groups.number)));
    else if (groups.word !== undefined) tokens.push(make('word', groups.word));
    else tokens.push(make('sign', groups.sign!));
  }
  tokens.push(make('end', 'end of statement'));
  return tokens;
}

function make(kind: Token['kind'], text: string, value: string | number = text): Token {
  return { kind, text, value };
}

function unquote(quoted: string): string {
  const inner = quoted.slice(1, -1);
  if (!inner.includes('\\')) return inner;
  const plain = inner.replace(/\\(u[0-9a-fA-F]{4}|.)/gs, (_, code: string) => {
    if (code.length > 1) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    const escaped =
      { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }[code] ?? ('\\/\'"'.includes(code) ? code : undefined);
    if (escaped === undefined) throw badRequest(`Syntax error: the escape '\\${code}' is not known.`);
    return escaped;
  });
  return plain;
}
