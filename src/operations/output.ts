/**
 * To be called once. Whoever reads stdout may have enough of it: that ends the process in peace, or does what is given; where it
 * cannot be written, as on a full disk, the result is not had, and that is told. Of stderr neither matters: what is under way is worth
 * more than its report, and ends as if it were read.
 */
export function outliveReaders(stdoutGone: () => void = () => process.exit(0)): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (isGone(error, process.stdout)) return stdoutGone();
    console.error(`stdout cannot be written: ${error.message}`);
    process.exit(1);
  });
  process.stderr.on('error', () => undefined);
}

/** Nobody reads any more: the pipe was closed, or the terminal is gone. */
const isGone = ({ code }: NodeJS.ErrnoException, { isTTY }: NodeJS.WriteStream): boolean =>
  code === 'EPIPE' || (code === 'EIO' && isTTY);

/** Ends the process when all that was written is out: on a pipe it may wait for the reader, and would be cut off. */
export async function exitWith(code: number): Promise<never> {
  const out = (stream: NodeJS.WritableStream) =>
    new Promise<void>((resolve) => stream.write('', () => resolve()));
  await Promise.all([process.stdout, process.stderr].map(out));
  process.exit(code);
}
