/**
 * Whether the text matches the pattern: `*`, `?`, `[abc]`, `[^a-z]`, and `\` before a character that is meant itself
 * (redis.io/docs/latest/commands/keys). Takes time in proportion to the two lengths' product at worst.
 */
export function matchesGlob(text: string, pattern: string): boolean {
  const tokens = parse(pattern);
  let at = 0;
  let token = 0;
  // Where to go on after the last `*`, should what follows it not fit.
  let star: { token: number; at: number } | undefined;
  while (at < text.length) {
    const current = tokens[token];
    if (current === '*') {
      star = { token, at };
      token += 1;
    } else if (current?.(text.charCodeAt(at))) {
      at += 1;
      token += 1;
    } else if (star) {
      star.at += 1;
      at = star.at;
      token = star.token + 1;
    } else return false;
  }
  return tokens.slice(token).every((rest) => rest === '*');
}

type Token = '*' | ((code: number) => boolean);

function parse(pattern: string): Token[] {
  const tokens: Token[] = [];
  for (let index = 0; index < pattern.length; index += 1) {
    const character = pattern[index]!;
    if (character === '*') tokens.push('*');
    else if (character === '?') tokens.push(() => true);
    else if (character === '[') {
      // Without a closing bracket the class runs to the end, as in redis-server.
      const [end, matches] = parseClass(pattern, index + 1);
      tokens.push(matches);
      index = end;
    } else {
      if (character === '\\' && index + 1 < pattern.length) index += 1;
      const code = pattern.charCodeAt(index);
      tokens.push((candidate) => candidate === code);
    }
  }
  return tokens;
}

function parseClass(pattern: string, start: number): [number, (code: number) => boolean] {
  const isNegated = pattern[start] === '^';
  const ranges: [number, number][] = [];
  let index = isNegated ? start + 1 : start;
  for (; index < pattern.length && pattern[index] !== ']'; index += 1) {
    if (pattern[index] === '\\' && index + 1 < pattern.length) index += 1;
    const from = pattern.charCodeAt(index);
    if (pattern[index + 1] === '-' && index + 2 < pattern.length) {
      index += 2;
      const to = pattern.charCodeAt(index);
      ranges.push([Math.min(from, to), Math.max(from, to)]);
    } else ranges.push([from, from]);
  }
  return [index, (code) => ranges.some(([from, to]) => from <= code && code <= to) !== isNegated];
}
