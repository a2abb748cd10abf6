import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { Command } from 'commander';
import { addDev } from './dev-command.ts';
import { loadEnvFile } from './env-file.ts';
import { addDeadLetters } from './operations/dead-letters-command.ts';
import { addDoctor } from './operations/doctor-command.ts';
import { addErase } from './operations/erase-command.ts';
import { outliveReaders } from './operations/output.ts';
import { addReconcile } from './operations/reconcile-command.ts';
import { addShow } from './operations/show-command.ts';
import { addSweep } from './operations/sweep-command.ts';
import { addTitles } from './operations/titles-command.ts';

/** From source and from the package it lies at different depths. */
const { version } = JSON.parse(readFileSync(findPackageJSON('.', import.meta.url)!, 'utf8')) as {
  version: string;
};

/** Does what the command line asks for, and ends the process with its exit code. @param argv as `process.argv` is */
export async function runProgram(argv: readonly string[]): Promise<void> {
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

  addDev(program);
  addSweep(program);
  addDoctor(program);
  addDeadLetters(program);
  addReconcile(program);
  addTitles(program);
  addErase(program);
  addShow(program);

  const wanted = argv[2];
  const names = [...program.commands.map((command) => command.name()), 'help'];

  try {
    // `run`, as the default, would take it for an argument of its own.
    if (wanted !== undefined && !wanted.startsWith('-') && !names.includes(wanted))
      program.error(`error: unknown command '${wanted}', expected one of ${names.join(', ')}`);
    await program.parseAsync(argv);
  } catch (error) {
    const { endWith } = await import('./operations/unexpected.ts');
    await endWith(error, argv);
  }
}
