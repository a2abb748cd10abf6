import { ConfigError, readConfig } from './config.ts';
import { Failure } from './pipeline/failures.ts';
import { EXIT_CONFIGURATION } from './run.ts';
import { sweep } from './sweep.ts';

/** Sweeps once. Exit codes: 0 done; 1 Cosmos DB could not be had; 78 the configuration is faulty. */
export async function runSweep(
  environment: NodeJS.ProcessEnv,
  options: { dryRun: boolean; olderThanMinutes: number; json: boolean },
): Promise<number> {
  try {
    const { dryRun: isDryRun, olderThanMinutes } = options;
    const swept = await sweep(readConfig(environment), { isDryRun, olderThanMinutes });
    const verb = isDryRun ? 'would be deleted' : 'deleted';
    console.error(
      `${swept.found} pages older than ${olderThanMinutes} minutes: ${swept.listed} are listed, ${swept.deleted} ${verb}`,
    );
    if (options.json) process.stdout.write(`${JSON.stringify({ ...swept, dryRun: isDryRun })}\n`);
    return 0;
  } catch (error) {
    if (error instanceof ConfigError) {
      console.error(error.message);
      return EXIT_CONFIGURATION;
    }
    if (!(error instanceof Failure)) throw error;
    console.error(`${error.code}: ${error.message}`);
    return 1;
  }
}
