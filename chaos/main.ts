import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { killAll } from './processes.ts';
import { describe, exitCodeOf, summaryOf } from './report.ts';
import { defaultFolder, runChaos } from './run.ts';
import { type Planned, planFaults } from './schedule.ts';

const count = (text: string): number => {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('expected a whole number from 1');
  return Number(text);
};
const root = join(import.meta.dirname, '..');

const flags = new Command('chaos')
  .description(
    'Workers as shipped under a load and a storm of faults, kills and outages; then every message of every conversation is checked.',
  )
  .option(
    '--seed <number>',
    'what the load and the storm are made from',
    count,
    1 + Math.floor(Math.random() * 99_999),
  )
  .option('--seconds <seconds>', 'how long the storm lasts', count, 30)
  .option('--workers <count>', 'workers at a time', count, 3)
  .option('--sessions', 'the subscription requires sessions', false)
  .option('--page-limit-kb <kb>', "the workers' PAGE_LIMIT_KB; absent: none or 64, by the seed", count)
  .option('--worker-entry <path>', "another worker's main.ts to try; absent: this repository's")
  .option(
    '--schedule <file>',
    'JSON: [{"atMs", "forMs", "what", "worker"}] instead of the plan from the seed',
  )
  .option('--json', 'a summary as the last line of stdout, and nothing else there', false)
  .showHelpAfterError()
  // As with the stand-ins: Node would read some options itself, so the npm script begins ours with `--`.
  .parse(process.argv[2] === '--' ? process.argv.toSpliced(2, 1) : process.argv)
  .opts();

process.on('exit', killAll);
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.on(signal, () => process.exit(code));
// The Service Bus client drops errors of its own when its connection is cut; every call of ours is awaited.
process.on('unhandledRejection', (error) => {
  if (/node_modules.(@azure|rhea)/.test(String((error as Error)?.stack))) return;
  // The same, as the condition alone that a link was closed with.
  if (/^(amqp|com\.microsoft):/.test(String((error as { condition?: unknown })?.condition))) return;
  console.error(error);
  process.exit(1);
});

const folder = defaultFolder(root, flags.seed);
const isLive = process.stderr.isTTY === true;
let lines = 0;
const onProgress = (line: string): void => {
  lines += 1;
  if (isLive) process.stderr.write(`\r\x1b[2K${line.slice(0, (process.stderr.columns ?? 120) - 1)}`);
  else if (!flags.json && lines % 10 === 0) process.stderr.write(`${line}\n`);
};

try {
  const plan: Planned[] = flags.schedule
    ? JSON.parse(readFileSync(flags.schedule, 'utf8'))
    : planFaults(flags.seed, flags.seconds, flags.workers);
  if (!flags.json)
    console.log(`Seed ${flags.seed}: ${flags.seconds} s, ${flags.workers} workers, logs in ${folder}`);
  const outcome = await runChaos({
    seed: flags.seed,
    seconds: flags.seconds,
    workers: flags.workers,
    sessions: flags.sessions,
    pageLimitKb: flags.pageLimitKb,
    workerEntry: resolve(flags.workerEntry ?? join(root, 'src/main.ts')),
    plan,
    folder,
    onProgress,
  });
  if (isLive) process.stderr.write('\r\x1b[2K');
  (flags.json ? console.error : console.log)(describe(outcome, folder));
  if (flags.json) console.log(JSON.stringify(summaryOf(outcome)));
  process.exit(exitCodeOf(outcome));
} catch (error) {
  console.error(`Chaos could not be carried out: ${(error as Error).message}`);
  process.exit(1);
}
