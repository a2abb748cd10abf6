import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { bareEnvironment } from './command.ts';

export type Line = { level?: string; msg?: string; code?: string; [field: string]: unknown };

/** The worker as shipped, in a process of its own, with nothing in its environment but what is given; without a health server. */
export function startWorkerProcess(environment: Record<string, string>, args: string[] = ['run']) {
  const child = spawn(process.execPath, ['src/main.ts', ...args], {
    env: { ...bareEnvironment, HEALTH_PORT: 'off', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: Line[] = [];
  let errors = '';
  let output = '';
  createInterface(child.stdout).on('line', (line) => {
    output += `${line}\n`;
    lines.push(JSON.parse(line) as Line);
  });
  child.stderr.on('data', (chunk) => {
    errors += String(chunk);
  });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return {
    lines,
    pid: child.pid!,
    errors: () => errors,
    output: () => output,
    said: (message: string) => lines.some(({ msg }) => msg === message),
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    exited,
  };
}
