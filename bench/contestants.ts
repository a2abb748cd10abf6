import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Environment } from './stand-ins.ts';

export type Contestant = 'worker' | 'reference' | 'referenceTitledOnce' | 'ceiling';

const root = join(import.meta.dirname, '..');
const entries: Record<Contestant, { args: string[]; environment?: Environment }> = {
  // As shipped, but for the port, which several at once could not share.
  worker: { args: ['src/main.ts', 'run'], environment: { HEALTH_PORT: 'off' } },
  reference: { args: ['bench/reference.ts'] },
  referenceTitledOnce: { args: ['bench/reference.ts'], environment: { TITLED_ONCE: 'true' } },
  ceiling: { args: ['bench/ceiling.ts'] },
};

export type Running = {
  /** Milliseconds from the start of the process until it says that it receives. */
  receivingMs: number;
  cpuMs(): number;
  peakMb(): number;
  rssMb(): number;
  stop(): Promise<void>;
};

/** Starts a contestant in a process of its own and waits until it receives. `onLine` hears its lines. */
export async function start(
  contestant: Contestant,
  environment: Environment,
  onLine: (line: string) => void = () => undefined,
): Promise<Running> {
  const { args, environment: own } = entries[contestant];
  const startedMs = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { PATH: process.env.PATH ?? '', ...own, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${contestant} ended with code ${code}`)));
    createInterface(child.stdout).on('line', (line) => {
      if (line.includes('"receiving"')) resolve();
      onLine(line);
    });
  });
  const receivingMs = performance.now() - startedMs;
  const proc = (file: string): string => readFileSync(`/proc/${child.pid}/${file}`, 'utf8');
  const statusMb = (name: string): number =>
    Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(proc('status'))![1]) / 1_024;
  return {
    receivingMs,
    // Ticks of 10 ms, of user and system time; the name before them may hold blanks.
    cpuMs: () => {
      const fields = proc('stat').split(') ')[1]!.split(' ');
      return (Number(fields[11]) + Number(fields[12])) * 10;
    },
    peakMb: () => statusMb('VmHWM'),
    rssMb: () => statusMb('VmRSS'),
    async stop() {
      child.removeAllListeners('exit');
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}
