import { createInterface } from 'node:readline/promises';
import { aborted } from './aborted.ts';

type Terminal = { isTTY?: boolean };

/**
 * Whether whoever sits at the terminal types so many: a mere Enter, or a "yes" out of habit, is none, and nor is it when `signal`
 * aborts. Where nobody sits it is said how to do without.
 */
export async function isConfirmed(
  count: number,
  input: NodeJS.ReadableStream & Terminal = process.stdin,
  output: NodeJS.WritableStream & Terminal = process.stderr,
  signal: AbortSignal = new AbortController().signal,
): Promise<boolean> {
  if (!input.isTTY || !output.isTTY) {
    output.write('There is no terminal to ask on: --yes deletes without asking. Nothing was deleted.\n');
    return false;
  }
  const terminal = createInterface({ input, output });
  // Ctrl-C or Ctrl-D: an answer as well.
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  const answered = terminal.question(`Type ${count} to delete them: `).catch(() => '');
  const answer = await Promise.race([answered, closed, aborted(signal).then(() => '')]);
  terminal.close();
  if (answer.trim() === String(count)) return true;
  output.write('\nNothing was deleted.\n');
  return false;
}
