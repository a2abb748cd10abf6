import type { Command } from 'commander';
import { helpText } from './help-text.ts';
import { positive, whole } from './numbers.ts';
import { operate } from './operate-on-demand.ts';
import type { TitlesOptions } from './titles.ts';

/** Adds `titles`. It is loaded when it is used. */
export function addTitles(program: Command): void {
  program
    .command('titles')
    .description(
      'give a title to conversations that are still called New Conversation, but for those refused for good',
    )
    .option('--rate <count>', 'at most so many titles a second', positive(1_000), 5)
    .option('--max-tokens <count>', 'stop before more might be used', whole(1_000_000_000), 1_000_000)
    .option('--dry-run', 'only count', false)
    .option('--json', 'with the counts as the last line of stdout', false)
    .addHelpText(
      'after',
      helpText(
        'Exit codes: 0 each has a title, or never will · 1 an error · 2 some have none yet: the model gave none, or the budget is used up · 3 interrupted · 78 faulty configuration',
      ),
    )
    .action(async (options: TitlesOptions) => {
      const { runTitles } = await import('./titles.ts');
      await operate((config) => runTitles(config, options), options);
    });
}
