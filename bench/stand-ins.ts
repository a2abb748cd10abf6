import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export type Environment = Record<string, string>;
/** Milliseconds that a service takes beyond its own time. */
export type Delays = { serviceBus?: number; redis?: number; cosmos?: number; chat?: number };

/** What the stand-ins have counted, as far as the benchmark looks at it. */
export type Counts = {
  completed: number;
  redelivered: number;
  redisCommands: number;
  cosmosReads: number;
  cosmosWrites: number;
  requestUnits: number;
  chatRequests: number;
  /** To and from Redis and Cosmos DB. */
  bytes: number;
};

export type StandIns = Awaited<ReturnType<typeof startStandIns>>;

const root = join(import.meta.dirname, '..');

/** Starts the stand-ins in a process of their own. @throws Error when they do not come up */
export async function startStandIns(delays: Delays = {}) {
  const latencies = [
    ['--service-bus-latency', delays.serviceBus],
    ['--redis-latency', delays.redis],
    ['--cosmos-latency', delays.cosmos],
    ['--chat-latency', delays.chat],
  ].flatMap(([flag, ms]) => (ms === undefined ? [] : [String(flag), String(ms)]));
  const args = ['emulators/main.ts', '--', '--redis', 'ours', ...latencies];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const environment: Environment = {};
  const ready = new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the stand-ins ended with code ${code}`)));
    createInterface(child.stdout).on('line', (line) => {
      if (line === 'ready') resolve();
      const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
      if (name) environment[name] = value!;
    });
  });
  await ready;

  async function counts(): Promise<Counts> {
    const answer = await fetch(`${environment.EMULATOR_CONTROL_URL}/counters`);
    // Of many counters those that are looked at; the stand-ins' own tests hold their shape.
    // biome-ignore lint/suspicious/noExplicitAny: JSON of another process
    const all = (await answer.json()) as any;
    const entities = all['service-bus'].entities as Record<
      string,
      { completed: number; redelivered: number }
    >;
    const [, subscription] = Object.entries(entities).find(
      ([path]) => path.includes('/Subscriptions/') && !path.includes('$'),
    )!;
    const writes = Object.values(all.cosmos.writes as Record<string, number>);
    const commands = Object.values(all.redis.commands as Record<string, number>);
    return {
      completed: subscription.completed,
      redelivered: subscription.redelivered,
      redisCommands: sum(commands),
      cosmosReads: all.cosmos.reads,
      cosmosWrites: sum(writes),
      requestUnits: all.cosmos.requestUnits,
      chatRequests: all['chat-completions'].requests,
      bytes: all.redis.bytesIn + all.redis.bytesOut + all.cosmos.bytesIn + all.cosmos.bytesOut,
    };
  }

  return {
    environment,
    counts,
    async close(): Promise<void> {
      child.removeAllListeners('exit');
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** What came to be counted between two looks. */
export function difference(before: Counts, after: Counts): Counts {
  const names = Object.keys(after) as (keyof Counts)[];
  return Object.fromEntries(names.map((name) => [name, after[name] - before[name]])) as Counts;
}
