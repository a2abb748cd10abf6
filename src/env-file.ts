import { existsSync } from 'node:fs';

const FILE = '.env';

/** The file is there and cannot be read, as where a container was given a folder in its place: faulty configuration. */
export class EnvFileError extends Error {
  override name = 'EnvFileError';
  readonly code = 'InvalidConfiguration';
}

/** Adds what a .env file says to the environment, if there is one. @throws EnvFileError */
export function loadEnvFile(): void {
  if (!existsSync(FILE)) return;
  try {
    process.loadEnvFile(FILE);
  } catch (error) {
    throw new EnvFileError(
      `${FILE} cannot be read (${(error as Error).message}), expected a file of NAME=value lines, or none`,
    );
  }
}
