import { type Config, ConfigError, readConfig } from '../config.ts';
import { loadEnvFile } from '../env-file.ts';
import { EXIT_CONFIGURATION } from '../exit-codes.ts';
import { CommandFault, codeOf, EndedEarly, reasonsOf } from './command-fault.ts';
import { isOurs } from './errors.ts';
import { exitWith, outliveReaders } from './output.ts';
import { plain, plainJson } from './plain-text.ts';
import { print } from './print.ts';
import { hidingSecrets } from './secrets.ts';

/** The environment, with what a .env file adds to it. @throws EnvFileError */
export function loadEnvironment(): NodeJS.ProcessEnv {
  outliveReaders();
  loadEnvFile();
  return process.env;
}

export type Operated = {
  /** The last line of stdout is JSON then, whatever comes: the result, or why there is none. */
  json?: boolean;
  /** The service that an error is of which names none, as `Failed to connect`. */
  of?: string;
};

/**
 * Runs an operation under the worker's own configuration, and ends the process with its exit code: 78 where the configuration
 * is faulty, 1 where a service cannot be had.
 */
export async function operate(
  work: (config: Config) => Promise<number>,
  told: Operated = {},
): Promise<never> {
  const environment = loadEnvironment();
  try {
    return await exitWith(await work(readConfig(environment)));
  } catch (thrown) {
    return await exitWith(await tellFailure(thrown, told, environment));
  }
}

/** Says on stderr why there is no result, and with `--json` on stdout as well. Answers the exit code. */
async function tellFailure(
  thrown: unknown,
  { json = false, of }: Operated,
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const [error, counts] = thrown instanceof EndedEarly ? [thrown.cause, thrown.counts] : [thrown, {}];
  const hide = hidingSecrets(environment);
  const reasons = reasonsOf(error, of).map(hide);
  if (isOurs(error)) console.error(hide(String((error as Error).stack)));
  else if (error instanceof ConfigError) console.error(error.message);
  else for (const reason of reasons) console.error(plain(reason));
  const isAService = !isOurs(error) && !(error instanceof CommandFault) && !(error instanceof ConfigError);
  if (isAService) console.error('Run "history-worker doctor" to see what is wrong.');
  if (json)
    await print([plainJson({ ...counts, error: { code: codeOf(error, of), message: reasons.join('; ') } })]);
  if (error instanceof ConfigError) return EXIT_CONFIGURATION;
  return error instanceof CommandFault ? error.exitCode : 1;
}
