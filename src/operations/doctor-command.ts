import type { Command } from 'commander';
import { helpText } from './help-text.ts';

/** Adds `doctor`. It is loaded when it is used. */
export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('check all that the worker needs, with its own rights; changes nothing and receives nothing')
    .option('--json', 'as one line of JSON', false)
    .addHelpText(
      'after',
      helpText('Exit codes: 0 no failure, though perhaps warnings · 1 a failure · 78 faulty configuration'),
    )
    .action(async (options: { json: boolean }) => {
      const [{ loadEnvironment }, { exitWith }, { runDoctor }] = await Promise.all([
        import('./operate.ts'),
        import('./output.ts'),
        import('./doctor.ts'),
      ]);
      await exitWith(await runDoctor(loadEnvironment(), options));
    });
}
