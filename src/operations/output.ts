/** Nobody reads any more: the pipe was closed, or the terminal is gone. */
const GONE = new Set(['EPIPE', 'EIO']);

/**
 * To be called once. Whoever reads stdout may have enough of it: that ends the process in peace, or does what is given. Whoever
 * reads stderr, too, but what is under way goes on, and ends as if it were read: it is worth more than its report.
 */
export function outliveReaders(stdoutGone: () => void = () => process.exit(0)): void {
  const onError = (end: () => void) => (error: NodeJS.ErrnoException) => {
    if (!GONE.has(String(error.code))) throw error;
    end();
  };
  process.stdout.on('error', onError(stdoutGone));
  process.stderr.on(
    'error',
    onError(() => undefined),
  );
}

/** Ends the process when all that was written is out: on a pipe it may wait for the reader, and would be cut off. */
export async function exitWith(code: number): Promise<never> {
  const out = (stream: NodeJS.WritableStream) =>
    new Promise<void>((resolve) => stream.write('', () => resolve()));
  await Promise.all([process.stdout, process.stderr].map(out));
  process.exit(code);
}
