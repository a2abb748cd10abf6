import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseEnv } from 'node:util';
import { startStack } from '../../emulators/stack.ts';

/** Where the scenarios play: services that the official clients reach, and a worker. */
export type Place = {
  /** For clients outside of the worker. */
  environment: Record<string, string>;
  startWorker(): Promise<void>;
  /** SIGTERM. @returns the exit code */
  stopWorker(): Promise<number | null>;
  killWorker(): Promise<void>;
  close(): Promise<void>;
};

/** Our own stand-ins, and the worker of this clone. */
export async function standIns(): Promise<Place> {
  const stack = await startStack({ redisServer: 'ours', lockDurationMs: 5_000 });
  let worker: ChildProcess | undefined;
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (!worker || worker.exitCode !== null || worker.signalCode !== null) return worker?.exitCode ?? null;
    const exited = once(worker, 'exit');
    worker.kill(signal);
    const [code] = await exited;
    return code as number | null;
  };
  const { PAGE_LIMIT_KB, MAX_CONCURRENCY } = workerEnvironment();
  return {
    environment: stack.environment,
    async startWorker() {
      worker = spawn(process.execPath, ['src/main.ts', 'run'], {
        env: {
          PATH: process.env.PATH,
          ...stack.environment,
          PAGE_LIMIT_KB,
          MAX_CONCURRENCY,
          HEALTH_PORT: 'off',
        },
        stdio: 'ignore',
      });
    },
    stopWorker: () => end('SIGTERM'),
    async killWorker() {
      await end('SIGKILL');
    },
    async close() {
      await end('SIGKILL');
      await stack.close();
    },
  };
}

const compose = (...args: string[]): string =>
  execFileSync('docker', ['compose', '-f', 'deploy/compose.yaml', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });

/** Why the emulators cannot be had here, or undefined if they can. */
export function whyNoEmulators(): string | undefined {
  const { status, error, stderr } = spawnSync('docker', ['info', '--format', '{{.ServerVersion}}'], {
    encoding: 'utf8',
  });
  if (error) return 'there is no docker on the PATH';
  if (status !== 0) return `docker does not answer: ${stderr.trim()}`;
  if (spawnSync('docker', ['compose', 'version']).status !== 0) return 'docker has no compose plugin';
  if (process.env.ACCEPT_EULA !== 'Y')
    return "ACCEPT_EULA is not Y: it says that you accept the licences of Microsoft's Service Bus emulator and SQL Server";
  return undefined;
}

/** Microsoft's emulators and the image of the worker, by deploy/compose.yaml. The first start takes minutes. */
export async function emulators(): Promise<Place> {
  compose('up', '--build', '--detach', 'service-bus', 'redis', 'container', 'titles');
  await untilHealthy('http://127.0.0.1:5300/health');
  return {
    environment: {
      ...workerEnvironment(),
      SERVICEBUS_CONNECTION_STRING: workerEnvironment().SERVICEBUS_CONNECTION_STRING!.replace(
        'sb://service-bus',
        'sb://localhost',
      ),
      REDIS_HOST: '127.0.0.1',
    },
    async startWorker() {
      compose('up', '--detach', 'worker');
    },
    async stopWorker() {
      compose('stop', 'worker');
      const id = compose('ps', '--all', '--quiet', 'worker').trim();
      return Number(
        execFileSync('docker', ['inspect', '--format', '{{.State.ExitCode}}', id], { encoding: 'utf8' }),
      );
    },
    async killWorker() {
      compose('kill', 'worker');
    },
    async close() {
      console.log(compose('logs', '--tail', '50', 'worker'));
      compose('down', '--volumes');
    },
  };
}

const workerEnvironment = (): Record<string, string> =>
  parseEnv(readFileSync('deploy/compose/worker.env', 'utf8')) as Record<string, string>;

async function untilHealthy(url: string): Promise<void> {
  const deadlineMs = performance.now() + 300_000;
  for (;;) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    if (performance.now() > deadlineMs)
      throw new Error(`${url} is not healthy after 5 minutes: see "docker compose logs"`);
    await sleep(1_000);
  }
}
