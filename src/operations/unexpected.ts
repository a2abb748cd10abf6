import { CommanderError } from 'commander';
import { EnvFileError } from '../env-file.ts';
import { EXIT_CONFIGURATION } from '../exit-codes.ts';
import { isOurs } from './errors.ts';
import { exitWith } from './output.ts';
import { plainJson } from './plain-text.ts';
import { print } from './print.ts';

/** Ends the process for what was thrown before a command was under way, or by a mistake of ours. */
export async function endWith(thrown: unknown, argv: readonly string[]): Promise<never> {
  const error = thrown as Error;
  const { exitCode, ...told } = toldOf(error);
  // The parser's own words are out already.
  if (!(error instanceof CommanderError))
    console.error(isOurs(error) ? error.stack : `Could not start ${error.message}`);
  // `--help` and `--version` are no errors, but come this way.
  if (exitCode !== 0 && argv.includes('--json')) await print([plainJson({ error: told })]);
  return await exitWith(exitCode);
}

function toldOf(error: Error): { exitCode: number; code: string; message: string } {
  const { message } = error;
  if (error instanceof CommanderError)
    return { exitCode: error.exitCode, code: 'InvalidUsage', message: wrongIn(error) };
  if (error instanceof EnvFileError) return { exitCode: EXIT_CONFIGURATION, code: error.code, message };
  return { exitCode: 1, code: 'UnhandledError', message };
}

/** A command without the one that it needs has shown its help, and has nothing else to say. */
const wrongIn = ({ code, message }: CommanderError): string =>
  code === 'commander.help' ? 'a command is missing' : message.replace(/^error: /, '');
