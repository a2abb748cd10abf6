import { badRequest } from './refusal.ts';

export type Token = {
  kind: 'word' | 'string' | 'number' | 'parameter' | 'sign' | 'end';
  text: string;
  value: string | number;
  /** Where it stands in the statement. */
  start: number;
  end: number;
};

const pattern =
  /\s*(?:(?<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?<parameter>@\w+)|(?<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?<word>[A-Za-z_]\w*)|(?<sign><>|!=|<=|>=|[=<>().,:*{}[\]-]))/sy;

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
    const make = (kind: Token['kind'], word: string, value: string | number = word): void =>
      void tokens.push({ kind, text: word, value, start: at - word.length, end: at });
    if (groups.string !== undefined) make('string', groups.string, unquote(groups.string));
    else if (groups.parameter !== undefined) make('parameter', groups.parameter);
    else if (groups.number !== undefined) make('number', groups.number, Number(groups.number));
    else if (groups.word !== undefined) make('word', groups.word);
    else make('sign', groups.sign!);
  }
  const end = 'end of statement';
  tokens.push({ kind: 'end', text: end, value: end, start: text.length, end: text.length });
  return tokens;
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
