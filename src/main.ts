import { readFileSync } from 'node:fs';
import { enableCompileCache, findPackageJSON } from 'node:module';
import { Command, InvalidArgumentError } from 'commander';
import { loadEnvFile } from './env-file.ts';
import { addDeadLetters } from './operations/dead-letters-command.ts';
import { addDoctor } from './operations/doctor-command.ts';
import { addErase } from './operations/erase-command.ts';
import { helpText } from './operations/help-text.ts';
import { outliveReaders } from './operations/output.ts';
import { addReconcile } from './operations/reconcile-command.ts';
import { addShow } from './operations/show-command.ts';
import { addTitles } from './operations/titles-command.ts';

// Stripped and compiled code is kept between starts, where there is a place for it: half a second and 30 MB less each time.
enableCompileCache();

const count = (text: string): number => {
  if (!/^[1-9]\d{0,5}$/.test(text))
    throw new InvalidArgumentError('expected a whole number from 1 to 999999');
  return Number(text);
};

const minutes = (text: string): number => {
  if (!/^\d{2,7}$/.test(text) || Number(text) < 60)
    throw new InvalidArgumentError('expected minutes from 60: a younger page may be about to be listed');
  return Number(text);
};

/** From source and from the package it lies at different depths. */
const { version } = JSON.parse(readFileSync(findPackageJSON('.', import.meta.url)!, 'utf8')) as {
  version: string;
};

const program = new Command('history-worker')
  .version(version)
  .description('Persists finished chat turns from Service Bus and Redis to Cosmos DB, with a title.')
  .showHelpAfterError()
  // So that a wrong flag, too, is told in JSON where that was asked for.
  .exitOverride((end) => {
    // At once: help that nobody reads to its end has failed to be written already.
    outliveReaders();
    throw end;
  });

program
  .command('run', { isDefault: true })
  .description('run the worker, configured by the environment or a .env file')
  .action(async () => {
    loadEnvFile();
    const { run } = await import('./run.ts');
    process.exit(await run(process.env));
  });

program
  .command('dev')
  .description('run the worker on local stand-ins, with a front end that talks, and show what happens')
  .option(
    '--once',
    'stop when the conversations are durable and verified; exit 1 if anything is missing',
    false,
  )
  .option('--conversations <count>', 'conversations with --once', count, 50)
  .option('--turns <count>', 'turns of each with --once', count, 4)
  .option('--json', 'with a summary as the last line of stdout', false)
  .option('--rate <events>', 'turns a second without --once', count, 3)
  .option('--seed <number>', 'what the chats are made from', count, Math.floor(Math.random() * 100_000) + 1)
  .option('--data <folder>', "where Cosmos DB's items are kept between runs", '.local')
  .action(async (options) => {
    // In this order: the telemetry changes modules that the rest then imports.
    const { tellFromDev } = await import('./dev/telemetry.ts');
    const telling = await tellFromDev(process.env);
    const { dev } = await import('./dev/dev.ts');
    const code = await dev(options, telling);
    await telling.end();
    process.exit(code);
  });

program
  .command('sweep')
  .description('delete pages that no conversation lists any more, over an hour old; safe at any time')
  .option('--dry-run', 'only count', false)
  .option('--older-than-minutes <count>', 'from 60', minutes, 60)
  .option('--json', 'with the counts as the last line of stdout', false)
  .addHelpText('after', helpText('Exit codes: 0 done · 1 an error · 78 faulty configuration'))
  .action(async (options) => {
    const [{ operate }, { runSweep }] = await Promise.all([
      import('./operations/operate.ts'),
      import('./run-sweep.ts'),
    ]);
    await operate((config) => runSweep(config, options), options);
  });

addDoctor(program);
addDeadLetters(program);
addReconcile(program);
addTitles(program);
addErase(program);
addShow(program);

const [, , wanted] = process.argv;
const names = [...program.commands.map((command) => command.name()), 'help'];

try {
  // `run`, as the default, would take it for an argument of its own.
  if (wanted !== undefined && !wanted.startsWith('-') && !names.includes(wanted))
    program.error(`error: unknown command '${wanted}', expected one of ${names.join(', ')}`);
  await program.parseAsync();
} catch (error) {
  const { endWith } = await import('./operations/unexpected.ts');
  await endWith(error, process.argv);
}
