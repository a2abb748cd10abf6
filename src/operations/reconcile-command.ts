import { type Command, Option } from 'commander';
import { fileName } from './file-name.ts';
import { helpText } from './help-text.ts';
import { positive } from './numbers.ts';
import { operate } from './operate-on-demand.ts';
import type { ReconcileOptions } from './reconcile.ts';

/** Adds `reconcile`. It is loaded when it is used. */
export function addReconcile(program: Command): void {
  program
    .command('reconcile')
    .description(
      'walk over all conversations in Redis and persist what history lacks, for events that never came',
    )
    .option('--rate <count>', 'at most so many conversations a second', positive(10_000), 50)
    .addOption(
      new Option('--state <file>', 'keep here how far it has come: an interrupted run goes on')
        .argParser(fileName)
        .conflicts('dryRun'),
    )
    .option('--watch <minutes>', 'run on: begin anew so long after each end', positive(44_640))
    .option('--dry-run', 'read and compare, but write nothing', false)
    .option('--json', 'with the counts as a line on stdout', false)
    .addHelpText(
      'after',
      helpText(
        'Exit codes: 0 history has all that Redis holds · 1 an error · 2 some were refused · 3 interrupted; with --watch a signal is the way to end it: 0 · 78 faulty configuration',
      ),
    )
    .action(async (options: ReconcileOptions) => {
      const { runReconcile } = await import('./reconcile.ts');
      await operate((config) => runReconcile(config, options), options);
    });
}
