import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { asMarkdown, asTable } from './report.ts';
import { asFile, asJson, type Result } from './result.ts';
import { type Scenario, scenarios } from './scenarios.ts';
import { type Figures, summarise } from './statistics.ts';

const named = (name: string): Scenario => {
  const scenario = scenarios.find((one) => one.name === name);
  if (!scenario) throw new InvalidArgumentError(`there are ${scenarios.map((one) => one.name).join(', ')}`);
  return scenario;
};

const flags = new Command('bench')
  .description(
    'The worker beside the official client alone and beside the algorithm that it replaces, on the stand-ins.',
  )
  .option('--scenario <name>', 'one of them only', named)
  .option(
    '--results <folder>',
    'where the report and its charts are written',
    join(import.meta.dirname, 'results'),
  )
  .option('--json', 'the figures as the last line of stdout, and nothing else there', false)
  .showHelpAfterError()
  // As with the stand-ins: Node would read some options itself, so the npm script begins ours with `--`.
  .parse(process.argv[2] === '--' ? process.argv.toSpliced(2, 1) : process.argv)
  .opts<{ scenario?: Scenario; results: string; json: boolean }>();

const say = (text: string): void => void process.stderr.write(`${text}\n`);
const results: Result[] = [];
for (const scenario of flags.scenario ? [flags.scenario] : scenarios) {
  const rounds = scenario.entries.map((): Figures[] => []);
  // Interleaved, so that what else the machine does hits all of them.
  for (let round = 0; round < scenario.rounds; round += 1)
    for (const [index, entry] of scenario.entries.entries()) {
      say(`${scenario.name}, round ${round + 1} of ${scenario.rounds}: ${entry.who}`);
      rounds[index]!.push(await entry.measure());
    }
  const entries = scenario.entries.map(({ who, sample }, index) => ({
    who,
    sample,
    summary: summarise(rounds[index]!),
  }));
  const result = { scenario, entries };
  results.push(result);
  if (!flags.json) console.log(`\n${asTable(result)}\n`);
}

const [core] = cpus();
const machine = {
  when: new Date().toISOString().slice(0, 10),
  node: process.versions.node,
  cores: cpus().length,
  model: core?.model ?? 'unknown',
};
const { page, charts } = asMarkdown(results, machine);
mkdirSync(flags.results, { recursive: true });
const report = join(flags.results, flags.scenario ? `${flags.scenario.name}.md` : 'README.md');
writeFileSync(report, page);
// docs/scaling.md is computed from these (npm run docs). One scenario is not enough for that.
if (!flags.scenario) writeFileSync(join(flags.results, 'figures.json'), asFile(results, machine));
for (const [file, svg] of charts) writeFileSync(join(flags.results, file), svg);
say(`The report is in ${report}`);
if (flags.json) console.log(JSON.stringify(asJson(results)));
process.exit(0);
