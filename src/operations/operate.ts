import { existsSync } from 'node:fs';
import { type Config, ConfigError, readConfig } from '../config.ts';
import { Failure } from '../pipeline/failures.ts';
import { EXIT_CONFIGURATION } from '../run.ts';
import { plain } from './plain-text.ts';

/** The environment, with what a .env file adds to it. */
export function loadEnvironment(): NodeJS.ProcessEnv {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return process.env;
}

/**
 * Runs an operation under the worker's own configuration, and ends the process with its exit code: 78 where the configuration
 * is faulty, 1 where a service cannot be had.
 */
export async function operate(work: (config: Config) => Promise<number>): Promise<never> {
  try {
    process.exit(await work(readConfig(loadEnvironment())));
  } catch (error) {
    if (error instanceof ConfigError) {
      console.error(error.message);
      process.exit(EXIT_CONFIGURATION);
    }
    // Errors of the Service Bus client have a code; anything else is a fault of ours, and worth its stack.
    const { code, message } = error as { code?: unknown; message: string };
    if (!(error instanceof Failure) && typeof code !== 'string') throw error;
    console.error(plain(`${code}: ${message}`));
    console.error('Run "history-worker doctor" to see what is wrong.');
    process.exit(1);
  }
}
