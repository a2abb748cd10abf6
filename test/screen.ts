import { Writable } from 'node:stream';

/** What a terminal, or a file in its place, was written. */
export function makeScreen(isTTY: boolean, columns = 60) {
  let text = '';
  const writable = new Writable({
    write(chunk, _, done) {
      text += String(chunk);
      done();
    },
  });
  const stream = Object.assign(writable, { isTTY, columns }) as unknown as NodeJS.WriteStream;
  return {
    stream,
    /** Since the last time. */
    written(): string {
      const since = text;
      text = '';
      return since;
    },
  };
}
