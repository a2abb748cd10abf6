import { Command, InvalidArgumentError } from 'commander';
import { repeatCommand, summarize } from './report.ts';
import { run } from './run.ts';

const whole = (text: string): number => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('expected a whole number');
  return Number(text);
};

const program = new Command('simulate')
  .description(
    'Runs the pipeline in simulated worlds where everything fails that can, and checks its promises.',
  )
  .option('--runs <count>', 'how many runs, each of a seed of its own', whole, 1_000)
  .option('--seed <number>', 'the first seed', whole, 1)
  .option('--until-failure', 'end with the first run that breaks a promise', false)
  .option('--trace', 'print every call to a port and its outcome', false)
  .option('--json', 'end with one line of JSON', false)
  .showHelpAfterError()
  // The npm script begins our arguments with `--`, since Node would take some of them for its own.
  .parse(process.argv[2] === '--' ? process.argv.toSpliced(2, 1) : process.argv);

const flags = program.opts<{
  runs: number;
  seed: number;
  untilFailure: boolean;
  trace: boolean;
  json: boolean;
}>();
const startedMs = Date.now();
const summary = summarize(flags.seed);
for (let seed = flags.seed; seed < flags.seed + flags.runs; seed += 1) {
  const result = await run(seed, flags.trace);
  for (const line of result.trace) console.log(line);
  summary.add(result);
  if (result.violations.length === 0) continue;
  console.log(`seed ${seed} (${result.profile}) breaks ${result.violations.length} promises:`);
  for (const violation of result.violations.slice(0, 5)) console.log(`  ${violation}`);
  console.log(`  repeat it: ${repeatCommand(seed)}`);
  if (flags.untilFailure) break;
}
const total = { ...summary.total(), durationMs: Date.now() - startedMs };
if (flags.json) console.log(JSON.stringify(total));
else
  console.log(
    `${total.runs} runs, ${total.events} events, ${total.failed.length} failed, ${total.durationMs} ms`,
  );
process.exitCode = total.failed.length > 0 ? 1 : 0;
