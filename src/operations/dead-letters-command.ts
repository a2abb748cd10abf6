import type { Command } from 'commander';
import type { Choice } from './dead-letters-choice.ts';
import { fileName } from './file-name.ts';
import { helpText } from './help-text.ts';
import { whole } from './numbers.ts';
import { operate as operateOn } from './operate-on-demand.ts';

/** An error that names no service, as `Failed to connect`, is of this one. */
const operate: typeof operateOn = (work, told) => operateOn(work, { ...told, of: 'Service Bus' });

const several = (value: string, before: string[] = []): string[] => [...before, value];

type Chosen = { reason?: string[]; session?: string };
const choiceOf = ({ reason = [], session }: Chosen): Choice => ({ reasons: reason, session });

/** Adds `dead-letters` and what can be done with them. Each is loaded when it is used. */
export function addDeadLetters(program: Command): void {
  const group = program
    .command('dead-letters')
    .description('see, replay, export and purge the events that were set aside');
  const add = (name: string, description: string): Command =>
    group
      .command(name)
      .description(description)
      .option('--reason <code>', 'only those of this reason; may be given several times', several)
      .option('--session <id>', 'only those of this conversation');

  add('list', 'group them by reason, with counts and ages; receives nothing')
    .option('--json', 'as JSON', false)
    .action(async (options: Chosen & { json: boolean }) => {
      const { listDeadLetters } = await import('./dead-letters-list.ts');
      await operate((config) => listDeadLetters(config, choiceOf(options), options), options);
    });

  add('show', 'show them one by one: ids, reasons and descriptions; receives nothing')
    .argument('[id...]', 'sequence numbers or message ids')
    .option('--limit <count>', 'at most so many', whole(1_000_000), 20)
    .option('--json', 'as lines of JSON', false)
    .action(async (ids: string[], options: Chosen & { json: boolean; limit: number }) => {
      const { showDeadLetters } = await import('./dead-letters-show.ts');
      await operate((config) => showDeadLetters(config, { ...choiceOf(options), ids }, options), options);
    });

  add('replay', "take them through the worker's own pipeline once more; what fails again stays")
    .argument('[id...]', 'sequence numbers or message ids; none: all')
    .option('--dry-run', 'only count', false)
    .option('--json', 'with the counts as the last line of stdout', false)
    .action(async (ids: string[], options: Chosen & { json: boolean; dryRun: boolean }) => {
      const { runReplay } = await import('./dead-letters-replay-run.ts');
      await operate((config) => runReplay(config, { ...choiceOf(options), ids }, options), options);
    });

  add('export', 'write them as lines of JSON, whole; receives nothing')
    .option('--output <file>', 'to a new file instead of stdout', fileName)
    .action(async (options: Chosen & { output?: string }) => {
      const { exportDeadLetters } = await import('./dead-letters-export.ts');
      await operate((config) => exportDeadLetters(config, choiceOf(options), options));
    });

  add('purge', 'delete them for good, after a question')
    .argument('[id...]', 'sequence numbers or message ids; none: all')
    .option('--yes', 'without a question', false)
    .option('--dry-run', 'only count', false)
    .option('--json', 'with the counts as the last line of stdout', false)
    .action(async (ids: string[], options: Chosen & { json: boolean; dryRun: boolean; yes: boolean }) => {
      const { runPurge } = await import('./dead-letters-purge-run.ts');
      await operate((config) => runPurge(config, { ...choiceOf(options), ids }, options), options);
    });

  group.addHelpText(
    'afterAll',
    helpText(
      'Exit codes: 0 done · 1 an error, nobody said yes, or nothing to show · 2 some stay: they failed again, or somebody else has them · 3 interrupted: what was in hand is finished or given back · 78 faulty configuration',
    ),
  );
}
