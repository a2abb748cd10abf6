import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export type Environment = Record<string, string>;
export type Ended = { code: number | null; signal: NodeJS.Signals | null };
export type Running = {
  child: ChildProcess;
  /** Whether it has said such a line. */
  said(text: string): boolean;
  ended: Promise<Ended>;
  startedAtMs: number;
};

const START_DEADLINE_MS = 20_000;
const root = join(import.meta.dirname, '..');
const running = new Set<ChildProcess>();

/** Ends what is still running, at once: for the end of this process, however it comes. */
export function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** Where compiled code is left to the next start: what this process was given, or else the place that `src/main.ts` takes. */
const compileCache = process.env.NODE_COMPILE_CACHE ?? join(tmpdir(), 'node-compile-cache');

/** Starts a program of Node's with nothing in its environment but what is given; what it says goes to a file. */
function start(
  entry: string,
  args: string[],
  environment: Environment,
  folder: string,
  name: string,
  watched: readonly string[],
): Running {
  // In the folder of the logs: there is no .env, which the worker would read.
  const child = spawn(process.execPath, [entry, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? '', NODE_COMPILE_CACHE: compileCache, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const log = createWriteStream(join(folder, `${name}.log`));
  const said = new Set<string>();
  createInterface(child.stdout!).on('line', (line) => {
    for (const text of watched) if (line.includes(text)) said.add(text);
    log.write(`${line}\n`);
  });
  child.stderr!.on('data', (chunk) => log.write(chunk));
  const ended = once(child, 'close').then(([code, signal]) => {
    running.delete(child);
    log.end();
    return { code, signal } as Ended;
  });
  return { child, said: (text) => said.has(text), ended, startedAtMs: performance.now() };
}

/** The line by which a worker says that it has been started. */
export const RECEIVING = '"receiving"';

export const startWorkerProcess = (
  entry: string,
  environment: Environment,
  folder: string,
  name: string,
): Running => start(entry, ['run'], environment, folder, name, [RECEIVING]);

/**
 * Starts the stand-ins in a process of their own. `environment` has every variable that a client needs to reach them.
 * @throws Error when they do not come up
 */
export async function startStandIns(folder: string, withSessions: boolean) {
  const args = ['--', '--lock-seconds', '5', '--max-delivery-count', '50'];
  const standIns = start(
    join(root, 'emulators/main.ts'),
    withSessions ? [...args, '--sessions'] : args,
    {},
    folder,
    'stand-ins',
    [],
  );
  const environment: Environment = {};
  const ready = new Promise<void>((resolve) => {
    createInterface(standIns.child.stdout!).on('line', (line) => {
      if (line === 'ready') resolve();
      const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
      if (name) environment[name] = value!;
    });
  });
  const failed = standIns.ended.then(({ code }) => {
    throw new Error(`The stand-ins ended with code ${code}: see ${join(folder, 'stand-ins.log')}`);
  });
  failed.catch(() => undefined); // also after they are up, when their end is wanted
  await Promise.race([ready, failed, late(START_DEADLINE_MS, 'The stand-ins did not come up')]);
  return {
    environment,
    async close(): Promise<void> {
      standIns.child.kill('SIGTERM');
      const hurry = setTimeout(() => standIns.child.kill('SIGKILL'), 3000);
      await standIns.ended;
      clearTimeout(hurry);
    },
  };
}

async function late(ms: number, message: string): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, ms).unref());
  throw new Error(message);
}
