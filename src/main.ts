import { existsSync } from 'node:fs';
import { Command } from 'commander';

const program = new Command('history-worker')
  .description('Persists finished chat turns from Service Bus and Redis to Cosmos DB, with a title.')
  .showHelpAfterError();

program
  .command('run', { isDefault: true })
  .description('run the worker, configured by the environment or a .env file')
  .action(async () => {
    if (existsSync('.env')) process.loadEnvFile('.env');
    const { run } = await import('./run.ts');
    process.exit(await run(process.env));
  });

await program.parseAsync();
