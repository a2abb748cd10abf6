import { constants, copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';

/** A line that nobody else's file has. */
const OURS = /^EMULATOR_CONTROL_URL=/m;

/**
 * Writes the NAME=value lines. A file of somebody else's there, such as the `.env` of a real account, is kept beside it under
 * the name that is answered.
 */
export function writeEnvFile(path: string, lines: string): string | undefined {
  const kept = isOfOthers(path) ? keep(path) : undefined;
  writeFileSync(path, lines);
  return kept;
}

function isOfOthers(path: string): boolean {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return false;
  const text = readFileSync(path, 'utf8');
  return text.trim() !== '' && !OURS.test(text);
}

function keep(path: string): string {
  for (let number = 1; ; number += 1) {
    const name = `${path}.before${number === 1 ? '' : `-${number}`}`;
    try {
      copyFileSync(path, name, constants.COPYFILE_EXCL);
      return name;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}
