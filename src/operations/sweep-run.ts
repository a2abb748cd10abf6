import type { Config } from '../config.ts';
import { counted } from './counted.ts';
import { plainJson } from './plain-text.ts';
import { print } from './print.ts';
import { sweep } from './sweep.ts';

export type SweepCommandOptions = { dryRun: boolean; olderThanMinutes: number; json: boolean };

/** Sweeps once, and says what was found. Exit code 0. @throws Failure of Cosmos DB */
export async function runSweep(
  config: Config,
  { dryRun, olderThanMinutes, json }: SweepCommandOptions,
): Promise<number> {
  const swept = await sweep(config, { isDryRun: dryRun, olderThanMinutes });
  const verb = dryRun ? 'would be deleted' : 'deleted';
  console.error(
    `${counted(swept.found, 'page')} older than ${olderThanMinutes} minutes: ${swept.listed} listed, ${swept.deleted} ${verb}.`,
  );
  if (json) await print([plainJson({ ...swept, dryRun })]);
  return 0;
}
