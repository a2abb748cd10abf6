import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { runProgram } from '../src/program.ts';

type Ended = { code: number; stdout: string; stderr: string };

/** What a command says, as on a pipe. */
function collect() {
  let text = '';
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  return { stream, text: () => text };
}

let isRunning = false;

/**
 * The same as `runCommand`, in the process of the test: most of what a short command costs is the start of another. One at a time, since
 * it stands in for what a process has: environment, streams and end. For signals, and for what Node reads at its start, a
 * process is needed.
 */
export async function runHere(environment: Record<string, string>, args: readonly string[]): Promise<Ended> {
  if (isRunning) throw new Error('one command at a time can run in a process');
  isRunning = true;
  const [stdout, stderr] = [collect(), collect()];
  const own = { env: process.env, exit: process.exit, stdout: process.stdout, stderr: process.stderr };
  const ownConsole = globalThis.console;
  let code: number | undefined;
  const replace = (properties: Partial<Record<keyof typeof own, unknown>>): void => {
    for (const [name, value] of Object.entries(properties))
      Object.defineProperty(process, name, { value, configurable: true, enumerable: true, writable: true });
  };
  replace({
    env: { PATH: own.env.PATH, ...environment },
    stdout: stdout.stream,
    stderr: stderr.stream,
    // The first end is the one that would have come.
    exit: (given: number) => {
      code ??= given;
    },
  });
  globalThis.console = new Console(stdout.stream, stderr.stream);
  try {
    await runProgram([process.execPath, 'src/main.ts', ...args]);
  } finally {
    replace(own);
    globalThis.console = ownConsole;
    isRunning = false;
  }
  if (code === undefined) throw new Error(`${args.join(' ')} has not ended the process`);
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}
