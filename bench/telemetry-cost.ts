import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createClient } from '@redis/client';
import { Command, InvalidArgumentError } from 'commander';
import { SUBSCRIPTION, startStack, TOPIC } from '../emulators/stack.ts';
import { otlpSink, type Sink, trackSink } from './sinks.ts';

/**
 * What telemetry costs: processor time of the worker's process for an event, and how long it takes to start, with none, with
 * the health port alone (scraped), with OTLP, with Azure Monitor, and with all at once. A worker at a time does the same work on the
 * same stand-ins, at a rate that leaves both time, since a busier process handles more at once; the kinds take turns, each round
 * in another order, so that whatever else the machine does falls on all alike.
 */
const KINDS = ['none', 'Prometheus', 'OTLP', 'Azure Monitor', 'all'];

const atLeastOne = (text: string): number => {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new InvalidArgumentError('expected a whole number from 1');
  return number;
};
const someKinds = (text: string): string[] => {
  const kinds = text.split(',');
  const strange = kinds.filter((kind) => !KINDS.includes(kind));
  if (strange.length > 0) throw new InvalidArgumentError(`there are ${KINDS.join(', ')}`);
  if (new Set(kinds).size < kinds.length) throw new InvalidArgumentError('each can be named once');
  return kinds;
};

const flags = new Command('telemetry-cost')
  .description('What telemetry costs the worker: processor time an event and the start, on the stand-ins.')
  .option('--rounds <count>', 'how often each kind has its turn', atLeastOne, 5)
  .option('--events <count>', 'how many are measured in a turn', atLeastOne, 3_000)
  .option('--warm-up <count>', 'how many come before them', atLeastOne, 2_000)
  .option('--rate <count>', 'how many are sent in a second', atLeastOne, 200)
  .option(
    '--only <kinds>',
    'some of them only, with commas; the others are compared with the first',
    someKinds,
    KINDS,
  )
  .showHelpAfterError()
  // As with the others: Node would read some options itself, so ours may begin with `--`.
  .parse(process.argv[2] === '--' ? process.argv.toSpliced(2, 1) : process.argv)
  .opts<{ rounds: number; events: number; warmUp: number; rate: number; only: string[] }>();
const { rounds, events, warmUp, rate, only: chosen } = flags;
/** One in so many conversations has no title yet: the model is asked for it. */
const UNTITLED_EVERY = 4;
const SEND_EVERY_MS = 50;
const SCRAPE_EVERY_MS = 15_000;
/** The kernel counts processor time in these. */
const TICKS_PER_SECOND = 100;

type Measured = { startMs: number; cpuUs: number; residentMb: number; spans: number | undefined };

const stack = await startStack();
const [otlp, track] = [await otlpSink(), await trackSink()];
const kinds: Record<string, { environment: Record<string, string>; sink?: Sink; isScraped?: true }> = {
  none: { environment: { HEALTH_PORT: 'off' } },
  Prometheus: { environment: { HEALTH_PORT: '0' }, isScraped: true },
  OTLP: { environment: { HEALTH_PORT: 'off', ...otlp.environment }, sink: otlp },
  'Azure Monitor': { environment: { HEALTH_PORT: 'off', ...track.environment }, sink: track },
  all: {
    environment: { HEALTH_PORT: '0', ...otlp.environment, ...track.environment },
    sink: otlp,
    isScraped: true,
  },
};

const redis = createClient({
  socket: { host: stack.redis.host, port: stack.redis.port },
  password: stack.keys.REDIS_PASSWORD!,
});
await redis.connect();
let conversations = 0;

/** Puts so many conversations into Redis, and then announces them at the rate. Resolves when all are settled. */
async function work(count: number): Promise<void> {
  const bodies: { body: unknown; messageId: string }[] = [];
  for (let n = 0; n < count; n += 1) {
    conversations += 1;
    const [sessionId, userId] = [`sess_${conversations}`, `user_${conversations % 500}`];
    const now = new Date().toISOString();
    const message = (role: string) => ({
      messageId: `msg_${conversations}_${role}`,
      role,
      content: `${role} number ${conversations}: ${'words and more words '.repeat(20)}`,
      timestamp: now,
    });
    const title = conversations % UNTITLED_EVERY === 0 ? null : `Conversation ${conversations}`;
    const messages = [message('user'), message('assistant')];
    const snapshot = { sessionId, userId, title, createdAt: now, lastActivity: now, messages };
    await redis.set(`session:${sessionId}`, JSON.stringify(snapshot), {
      expiration: { type: 'EX', value: 600 },
    });
    const event = { sessionId, userId, chatMessageId: `msg_${conversations}`, completedAt: now };
    bodies.push({ body: { ...event, eventType: 'message_completed' }, messageId: sessionId });
  }
  const burst = Math.max(1, Math.round((rate * SEND_EVERY_MS) / 1000));
  while (bodies.length > 0) {
    stack.serviceBus.entity(TOPIC).send(bodies.splice(0, burst));
    await pause(SEND_EVERY_MS);
  }
  while (settled() < conversations) await pause(5);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const settled = (): number =>
  stack.serviceBus.counters().entities[`${TOPIC}/Subscriptions/${SUBSCRIPTION}`]!.completed;

/** User and system time of a process and its threads, in microseconds. */
function cpuUsOf({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1e6;
}

const residentMbOf = ({ pid }: ChildProcess): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;

async function measure(kind: string): Promise<Measured> {
  const { environment, sink, isScraped } = kinds[kind]!;
  const startedMs = performance.now();
  const child = spawn(process.execPath, ['src/main.ts', 'run'], {
    env: { PATH: process.env.PATH, LOG_LEVEL: 'INFO', ...stack.environment, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let url: string | undefined;
  const receiving = new Promise<void>((resolve) => {
    createInterface(child.stdout!).on('line', (line) => {
      const said = JSON.parse(line) as { msg?: string; url?: string };
      url ??= said.url;
      if (said.msg === 'receiving') resolve();
    });
  });
  await Promise.race([
    receiving,
    exited.then(() => Promise.reject(new Error(`the worker with ${kind} ended`))),
  ]);
  const startMs = performance.now() - startedMs;

  const scrape = async (): Promise<void> => void (await (await fetch(`${url}/metrics`)).text());
  // The first one loads what it is answered with: it belongs to the warm-up.
  if (isScraped) await scrape();
  const scraping = isScraped ? setInterval(() => void scrape(), SCRAPE_EVERY_MS) : undefined;
  await work(warmUp);
  const cpuBefore = cpuUsOf(child);
  const spansBefore = sink?.spans() ?? 0;
  await work(events);
  const cpuUs = (cpuUsOf(child) - cpuBefore) / events;
  const residentMb = residentMbOf(child);
  clearInterval(scraping);
  child.kill('SIGTERM');
  await exited;
  // What the warm-up had left in the queues is among it, and the end has sent the last.
  const spans = sink ? (sink.spans() - spansBefore) / events : undefined;
  return { startMs, cpuUs, residentMb, spans };
}

const found: Record<string, Measured[]> = Object.fromEntries(chosen.map((kind) => [kind, []]));
for (let round = 0; round < rounds; round += 1)
  for (const kind of [...chosen.slice(round % chosen.length), ...chosen.slice(0, round % chosen.length)]) {
    const measured = await measure(kind);
    found[kind]!.push(measured);
    console.error(
      `${round + 1}/${rounds} ${kind}: ${measured.cpuUs.toFixed(0)} µs an event, start ${measured.startMs.toFixed(0)} ms`,
    );
  }
await redis.quit();
await stack.close();
await otlp.close();
await track.close();

const medianOf = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
const all = (kind: string, of: keyof Measured): number[] => found[kind]!.map((one) => one[of] ?? 0);
const median = (kind: string, of: keyof Measured): string => medianOf(all(kind, of)).toFixed(0);
/** Each with what was measured in the same round. */
const overNone = (kind: string, of: keyof Measured, by: (own: number, none: number) => number): string =>
  medianOf(all(kind, of).map((own, round) => by(own, found[chosen[0]!]![round]![of] ?? 0))).toFixed(0);

console.log(
  '| Telemetry | CPU an event, µs (least to most) | more | start, ms | more | resident, MB | spans an event |\n| --- | --- | --- | --- | --- | --- | --- |',
);
for (const kind of chosen) {
  const cpu = all(kind, 'cpuUs');
  console.log(
    `| ${[
      kind,
      `${median(kind, 'cpuUs')} (${Math.min(...cpu).toFixed(0)} to ${Math.max(...cpu).toFixed(0)})`,
      `${overNone(kind, 'cpuUs', (own, none) => (100 * (own - none)) / none)} %`,
      median(kind, 'startMs'),
      overNone(kind, 'startMs', (own, none) => own - none),
      median(kind, 'residentMb'),
      kinds[kind]!.sink ? medianOf(all(kind, 'spans')).toFixed(1) : '',
    ].join(' | ')} |`,
  );
}
process.exit(0);
