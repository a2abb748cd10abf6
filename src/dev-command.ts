import type { Command } from 'commander';
import type { DevOptions } from './dev/dev.ts';
import { EXIT_CONFIGURATION } from './exit-codes.ts';
import { whole } from './operations/numbers.ts';

const count = whole(999_999);

/** Adds `dev`. It is loaded when it is used, from `dev/`, which the image is without. */
export function addDev(program: Command): void {
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
    .action(async (options: DevOptions) => process.exit(await run(options).catch(exitCodeOf)));
}

async function run(options: DevOptions): Promise<number> {
  // In this order: the telemetry changes modules that the rest then imports.
  const { tellFromDev } = await import('./dev/telemetry.ts');
  const telling = await tellFromDev(process.env);
  const { dev } = await import('./dev/dev.ts');
  const code = await dev(options, telling);
  await telling.end();
  return code;
}

async function exitCodeOf(error: unknown): Promise<number> {
  const { ConfigError } = await import('./config.ts');
  if (!(error instanceof ConfigError)) throw error;
  console.error(error.message);
  return EXIT_CONFIGURATION;
}
