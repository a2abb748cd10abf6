import { once } from 'node:events';

/**
 * Writes lines to stdout, no faster than they are read, and resolves when they are out: the process may end then. (On a pipe a write
 * that was taken is still on its way.)
 */
export async function print(
  lines: Iterable<string>,
  stream: NodeJS.WritableStream = process.stdout,
): Promise<void> {
  for (const line of lines) if (!stream.write(`${line}\n`)) await once(stream, 'drain');
  await new Promise<void>((resolve) => stream.write('', () => resolve()));
}
