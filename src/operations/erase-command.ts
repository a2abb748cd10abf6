import type { Command } from 'commander';
import type { EraseOptions } from './erase.ts';
import { helpText } from './help-text.ts';
import { positive } from './numbers.ts';
import { operate } from './operate-on-demand.ts';

/** Adds `erase`. It is loaded when it is used. */
export function addErase(program: Command): void {
  const command = program
    .command('erase')
    .description("remove a conversation, or all of a user's, from history for good, after a question")
    .option('--user <id>', 'all of this user')
    .option(
      '--session <id>',
      'this conversation; --user says whose, should several users have one of this name',
    )
    .option('--dry-run', 'only count', false)
    .option('--yes', 'without a question', false)
    .option(
      '--rate <count>',
      'look at no more than so many sessions of Redis a second',
      positive(100_000),
      1_000,
    )
    .option('--json', 'with the counts as the last line of stdout', false)
    .addHelpText(
      'after',
      helpText(
        'A tombstone takes the place of each conversation, so that no late event, replay or reconcile brings it back; then its pages are deleted. Redis is only read: it is said what it still holds, and which command removes that.',
        'Exit codes: 0 history has nothing of it any more · 1 an error, nobody said yes, or it is not clear what is meant · 2 something stays, or Redis could not be asked · 3 interrupted: run it again · 78 faulty configuration',
      ),
    )
    .action(async (options: EraseOptions) => {
      if (options.user === undefined && options.session === undefined)
        command.error('error: say what to erase: --user ID or --session ID', { exitCode: 1 });
      const { runErase } = await import('./erase.ts');
      await operate((config) => runErase(config, options), options);
    });
}
