import { readdirSync, readFileSync } from 'node:fs';

export type PageFile = { type: string; body: Buffer };

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
};

/**
 * The files of the page, by the paths that they are served under: read once, so that no request ever names a file.
 */
export function readPageFiles(
  folder: URL = new URL('./page/', import.meta.url),
): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  for (const name of readdirSync(folder)) {
    const type = types[/\.\w+$/.exec(name)?.[0] ?? ''];
    if (type === undefined) continue;
    const file = { type, body: readFileSync(new URL(name, folder)) };
    files.set(name === 'index.html' ? '/console/' : `/console/${name}`, file);
  }
  return files;
}
