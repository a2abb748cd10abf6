import { existsSync } from 'node:fs';
import { DeadlineError } from '../azure/deadline.ts';
import { type Config, ConfigError, readConfig } from '../config.ts';
import { Failure } from '../pipeline/failures.ts';
import { EXIT_CONFIGURATION } from '../run.ts';
import { describeError, reasonsOf } from './errors.ts';
import { exitWith, outliveReaders } from './output.ts';
import { plain } from './plain-text.ts';

/** The environment, with what a .env file adds to it. */
export function loadEnvironment(): NodeJS.ProcessEnv {
  outliveReaders();
  if (existsSync('.env')) process.loadEnvFile('.env');
  return process.env;
}

/**
 * Runs an operation under the worker's own configuration, and ends the process with its exit code: 78 where the configuration
 * is faulty, 1 where a service cannot be had. `of`: the service that an error is of which names none, as `Failed to connect`.
 */
export async function operate(work: (config: Config) => Promise<number>, of?: string): Promise<never> {
  const environment = loadEnvironment();
  try {
    return await exitWith(await work(readConfig(environment)));
  } catch (error) {
    if (error instanceof ConfigError) {
      console.error(error.message);
      return await exitWith(EXIT_CONFIGURATION);
    }
    // A fault of ours is worth its stack. What the clients throw often has neither a code nor a name of its own.
    if (error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError)
      throw error;
    for (const reason of new Set(reasonsOf(error).map((each) => named(each, of))))
      console.error(plain(reason));
    console.error('Run "history-worker doctor" to see what is wrong.');
    return await exitWith(1);
  }
}

const named = (error: unknown, of: string | undefined): string =>
  of === undefined || error instanceof Failure || error instanceof DeadlineError
    ? describeError(error)
    : `${of}: ${describeError(error)}`;
