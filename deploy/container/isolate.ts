import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

export type Line = { level?: string; msg?: string; code?: string; [field: string]: unknown };

/** Read-only as with `docker run --read-only`, process 1 of its own process namespace, and nobody, without a way back. */
const asInAContainer = (user: string): string[] => [
  ...['unshare', '--mount', '--pid', '--fork', '--mount-proc', '/bin/sh', '-c'],
  `mount -o remount,bind,ro / && exec setpriv --reuid=${user} --regid=${user} --clear-groups --no-new-privs --bounding-set=-all "$@"`,
  'sh',
];

/** Why processes cannot be closed in like that here, or undefined if they can. */
export function whyNotIsolated(): string | undefined {
  if (process.platform !== 'linux') return `this is ${process.platform}: namespaces need Linux`;
  if (process.getuid?.() !== 0) return 'only root may make a read-only root and another user';
  try {
    const [command, ...args] = [...asInAContainer('65532'), 'true'];
    execFileSync(command!, args, { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return `namespaces are not to be had here: ${String((error as { stderr?: Buffer }).stderr ?? error).trim()}`;
  }
}

/** A process closed in like that, with nothing in its environment but what is given. */
export function spawnIsolated(
  command: readonly string[],
  options: { user: string; cwd: string; environment: Record<string, string> },
) {
  const [unshare, ...args] = [...asInAContainer(options.user), ...command];
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn(unshare!, args, {
    cwd: options.cwd,
    env: { PATH: process.env.PATH ?? '', ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: Line[] = [];
  const printed: string[] = [];
  createInterface(child.stdout).on('line', (line) => {
    printed.push(line);
    if (line.startsWith('{')) lines.push(JSON.parse(line) as Line);
  });
  child.stderr.on('data', (chunk) => printed.push(String(chunk)));
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  /** Process 1 of the namespace: `unshare` waits for it and has its exit code. @throws Error when it has ended: 0 would be all of us */
  const first = (): number => {
    const pid = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim());
    if (!(pid > 1)) throw new Error('the process has ended');
    return pid;
  };
  return {
    lines,
    printed: () => printed.join('\n'),
    said: (message: string) => lines.some(({ msg }) => msg === message),
    kill: (signal: NodeJS.Signals) => process.kill(first(), signal),
    /** User id, capabilities and the like, as the kernel has them. */
    status: () => readFileSync(`/proc/${first()}/status`, 'utf8'),
    exited,
    /** Process 1 itself must be killed: it does not go with `unshare`. */
    end: async () => {
      try {
        process.kill(first(), 'SIGKILL');
      } catch {
        child.kill('SIGKILL'); // nobody is there any more, or not yet
      }
      await exited;
    },
  };
}
