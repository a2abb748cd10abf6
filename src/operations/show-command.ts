import type { Command } from 'commander';
import { helpText } from './help-text.ts';
import { operate } from './operate-on-demand.ts';
import type { ShowOptions } from './show.ts';

/** Adds `show`. It is loaded when it is used. */
export function addShow(program: Command): void {
  program
    .command('show')
    .description('print a conversation from history, whole')
    .requiredOption('--session <id>', 'which one')
    .option('--user <id>', 'whose, should several users have one of this name')
    .option('--json', 'as one line of JSON', false)
    .addHelpText(
      'after',
      helpText(
        'What cannot be seen in a title or a message, as control characters and overrides of direction, is written out.',
        'Exit codes: 0 · 1 there is none, it was erased, it is not clear which is meant, or an error · 78 faulty configuration',
      ),
    )
    .action(async (options: ShowOptions) => {
      const { runShow } = await import('./show.ts');
      await operate((config) => runShow(config, options), options);
    });
}
