import { readConfig } from '../src/config.ts';
import { makeConsole } from '../src/console/console.ts';
import { startHealth } from '../src/health.ts';
import { quiet } from '../src/operations/quiet.ts';
import { startWorker } from '../src/worker.ts';

/** A worker in this process with its console, which samples as often as is said. An error that no rule knows is thrown. */
export async function startWorkerWithConsole(
  environment: Record<string, string>,
  rhythm: { sampleMs: number; statusMs?: number },
) {
  const config = readConfig({ HEALTH_PORT: '0', CONSOLE_ENABLED: 'true', ...environment });
  const own = makeConsole({ ...config, console: config.console! }, quiet, rhythm);
  const part = { path: '/console', answer: own.answer };
  const health = (await startHealth({ health: config.health, metrics: async () => '', log: quiet, part }))!;
  own.tellOf(health.status);
  const onFatal = (error: unknown): never => {
    throw error;
  };
  const worker = await startWorker(config, quiet, { onFatal, watch: own.watch });
  health.started(worker);
  return {
    config,
    url: health.url,
    async close(): Promise<void> {
      await worker.stop(5_000);
      await own.close();
      await health.close();
    },
  };
}
