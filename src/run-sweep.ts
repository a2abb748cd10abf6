import type { Config } from './config.ts';
import { print } from './operations/print.ts';
import { sweep } from './sweep.ts';

/** Sweeps once. Exit code 0. @throws Failure of Cosmos DB */
export async function runSweep(
  config: Config,
  options: { dryRun: boolean; olderThanMinutes: number; json: boolean },
): Promise<number> {
  const { dryRun: isDryRun, olderThanMinutes } = options;
  const swept = await sweep(config, { isDryRun, olderThanMinutes });
  const verb = isDryRun ? 'would be deleted' : 'deleted';
  console.error(
    `${swept.found} ${swept.found === 1 ? 'page' : 'pages'} older than ${olderThanMinutes} minutes: ${swept.listed} listed, ${swept.deleted} ${verb}.`,
  );
  if (options.json) await print([JSON.stringify({ ...swept, dryRun: isDryRun })]);
  return 0;
}
