import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished } from 'vitest';

/** What every process is given: the way to Node, and the place where the first one leaves compiled code to the others. */
export const bareEnvironment = {
  PATH: process.env.PATH ?? '',
  NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? '',
};

/** A command as shipped, in a process of its own, with nothing in its environment but what is given. No terminal is there. */
export function startCommand(
  environment: Record<string, string>,
  args: string[],
  folder?: string,
  program = 'src/main.ts',
) {
  const child = spawn(process.execPath, [`${process.cwd()}/${program}`, ...args], {
    env: { ...bareEnvironment, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: folder ?? process.cwd(),
  });
  let [stdout, stderr] = ['', ''];
  // A character may lie on the border of two chunks.
  child.stdout.setEncoding('utf8');
  child.stderr.setEncoding('utf8');
  child.stdout.on('data', (chunk) => {
    stdout += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  // Not `exit`: what was written last may still be on its way then.
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return {
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    /** Its exit code, and all that it wrote. */
    ended,
    stdout: () => stdout,
    stderr: () => stderr,
    /** Reads nothing more of stdout until what is answered is called. */
    rest() {
      child.stdout.pause();
      return () => child.stdout.resume();
    },
    /** Closes the pipe that stdout is, as `head` does. */
    closeStdout: () => child.stdout.destroy(),
    closeStderr: () => child.stderr.destroy(),
  };
}

export const runCommand = (environment: Record<string, string>, args: string[], folder?: string) =>
  startCommand(environment, args, folder).ended;

/** That there is one line of stdout, and what it says: where a command puts its result, or why there is none, with `--json`. */
export function onlyLineOf({ stdout }: { stdout: string }): Record<string, unknown> {
  expect(stdout).toMatch(/^[^\n]+\n$/);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** The last line of stdout, where a command puts its result with `--json`. */
export const resultOf = ({ stdout }: { stdout: string }) =>
  JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Record<string, unknown>;
