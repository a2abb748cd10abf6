/**
 * Whether .dockerignore keeps a path of the build context from the builder. The last pattern that fits the path, or a
 * folder above it, decides; `!` takes back. Unlike a shell's, its `*` also fits names that begin with a dot.
 */
export function isIgnored(dockerignore: string, path: string): boolean {
  const above = path.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'));
  const patterns = dockerignore.split('\n').filter((line) => line.trim() && !line.startsWith('#'));
  const decides = patterns.findLast((pattern) => above.some((part) => expression(pattern).test(part)));
  return decides !== undefined && !decides.startsWith('!');
}

function expression(pattern: string): RegExp {
  const parts = pattern.replace(/^!/, '').split(/(\*\*\/|\*)/);
  const known: Record<string, string> = { '**/': '(?:.*/)?', '*': '[^/]*' };
  return new RegExp(
    `^${parts.map((part) => known[part] ?? part.replaceAll(/[.+^${}()|[\]\\?]/g, '\\$&')).join('')}$`,
  );
}
