import { type Command, InvalidArgumentError } from 'commander';
import { helpText } from './help-text.ts';
import { operate } from './operate-on-demand.ts';
import type { SweepCommandOptions } from './sweep-run.ts';

/** Adds `sweep`. It is loaded when it is used. */
export function addSweep(program: Command): void {
  program
    .command('sweep')
    .description('delete pages that no conversation lists any more, over an hour old; safe at any time')
    .option('--dry-run', 'only count', false)
    .option('--older-than-minutes <count>', 'from 60', minutes, 60)
    .option('--json', 'with the counts as the last line of stdout', false)
    .addHelpText('after', helpText('Exit codes: 0 done · 1 an error · 78 faulty configuration'))
    .action(async (options: SweepCommandOptions) => {
      const { runSweep } = await import('./sweep-run.ts');
      await operate((config) => runSweep(config, options), options);
    });
}

function minutes(text: string): number {
  if (!/^\d{2,7}$/.test(text) || Number(text) < 60)
    throw new InvalidArgumentError('expected minutes from 60: a younger page may be about to be listed');
  return Number(text);
}
