import { existsSync } from 'node:fs';
import { DeadlineError } from '../azure/deadline.ts';
import { lastOf } from '../azure/last-error.ts';
import { type Config, ConfigError, readConfig } from '../config.ts';
import { Failure } from '../pipeline/failures.ts';
import { EXIT_CONFIGURATION } from '../run.ts';
import { describeError, reasonsOf } from './errors.ts';
import { exitWith, outliveReaders } from './output.ts';
import { plain, plainJson } from './plain-text.ts';
import { print } from './print.ts';

/** The environment, with what a .env file adds to it. */
export function loadEnvironment(): NodeJS.ProcessEnv {
  outliveReaders();
  if (existsSync('.env')) process.loadEnvFile('.env');
  return process.env;
}

export type Operation = {
  /** The service that an error is of which names none, as `Failed to connect`. */
  of?: string | undefined;
  /** What is told of an error on stderr is a line of JSON on stdout as well, for whoever reads the last line there. */
  json?: boolean | undefined;
};

/**
 * Runs an operation under the worker's own configuration, and ends the process with its exit code: 78 where the configuration
 * is faulty, 1 where a service cannot be had.
 */
export async function operate(
  work: (config: Config) => Promise<number>,
  { of, json = false }: Operation = {},
): Promise<never> {
  const environment = loadEnvironment();
  try {
    return await exitWith(await work(readConfig(environment)));
  } catch (error) {
    // A fault of ours is worth its stack. What the clients throw often has neither a code nor a name of its own.
    if (error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError)
      throw error;
    const isConfiguration = error instanceof ConfigError;
    const errors = isConfiguration
      ? error.faults.map((message) => ({ code: error.code as string, message }))
      : toldOf(error, of);
    if (isConfiguration) console.error(error.message);
    else for (const { message } of errors) console.error(plain(message));
    if (!isConfiguration) console.error('Run "history-worker doctor" to see what is wrong.');
    if (json) await print([plainJson({ errors })]);
    return await exitWith(isConfiguration ? EXIT_CONFIGURATION : 1);
  }
}

/** Each of them once. */
function toldOf(thrown: unknown, of: string | undefined): { code: string; message: string }[] {
  const told = reasonsOf(thrown).map((error) => ({ code: codeOf(error), message: named(error, of) }));
  return [...new Map(told.map((one) => [one.message, one])).values()];
}

function codeOf(error: unknown): string {
  const { code, name } = lastOf(error) as { code?: unknown; name?: unknown };
  return String(code ?? name ?? 'Error');
}

const named = (error: unknown, of: string | undefined): string =>
  of === undefined || error instanceof Failure || error instanceof DeadlineError
    ? describeError(error)
    : `${of}: ${describeError(error)}`;
