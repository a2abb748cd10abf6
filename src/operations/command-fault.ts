import { ConfigError } from '../config.ts';
import { Failure, type FailureCode } from '../pipeline/failures.ts';
import { describeError, isOurs } from './errors.ts';

/** What ends a command and is no failure of a service: beside the codes of pipeline/failures.ts, these stand in a command's JSON. */
export const commandFaults = {
  InvalidConfiguration: 'variables are missing or faulty: the message names each',
  InvalidUsage: 'an unknown command or flag, or a value that a flag does not take',
  InvalidState: 'the file of --state is of another walk, or cannot be read or written',
  NotFound: 'there is no such conversation or dead letter, or it was erased',
  Unclear: 'several are meant, or the ids cannot be those of a conversation',
  Interrupted: 'a signal ended it before anything was done',
} as const;

export type CommandFaultCode = keyof typeof commandFaults;

/** Why a command has no result though every service answers. */
export class CommandFault extends Error {
  override name = 'CommandFault';
  readonly code: CommandFaultCode;
  readonly exitCode: number;
  constructor(code: CommandFaultCode, description: string, exitCode = 1) {
    super(description);
    this.code = code;
    this.exitCode = exitCode;
  }
}

/** What ended a command that had done some already: with what it had. */
export class EndedEarly extends Error {
  override name = 'EndedEarly';
  readonly counts: Record<string, unknown>;
  /** `cause`: what ended it. */
  constructor(cause: unknown, counts: Record<string, unknown>) {
    super('ended early', { cause });
    this.counts = counts;
  }
}

/**
 * The code under which an error is told, whichever client threw it. `of`: the service that it is of where it is no Failure. Several
 * services may be away: the first one's code is told.
 */
export function codeOf(error: unknown, of?: string): CommandFaultCode | FailureCode {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0], of);
  if (error instanceof Failure || error instanceof CommandFault || error instanceof ConfigError)
    return error.code;
  return of === 'Service Bus' && !isOurs(error) ? 'ReceiveFailed' : 'UnhandledError';
}

/** In words, a line for each of what happened; never content or a credential. */
export function reasonsOf(error: unknown, of?: string): string[] {
  if (error instanceof ConfigError || error instanceof CommandFault) return [error.message];
  // Several services may be away, or one at each of several attempts.
  const reasons = error instanceof AggregateError ? error.errors : [error];
  return [
    ...new Set(
      reasons.map((reason) =>
        of === undefined || reason instanceof Failure
          ? describeError(reason)
          : `${of}: ${describeError(reason)}`,
      ),
    ),
  ];
}
