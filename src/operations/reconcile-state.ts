import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { CommandFault } from './command-fault.ts';
import { newTally, Tally } from './reconcile-tally.ts';

const Walk = z.strictObject({
  format: z.literal('history-worker reconcile, 1'),
  /** Host and port: a cursor means nothing to another Redis. */
  redis: z.string(),
  startedAt: z.string(),
  finishedAt: z.string().optional(),
  /** By the node's id. */
  nodes: z.record(
    z.string(),
    z.strictObject({
      name: z.string(),
      /** Of the process: a cursor means nothing to the next one. */
      runId: z.string().optional(),
      /** Where to go on; everything before it is done. */
      cursor: z.string(),
      isDone: z.boolean(),
    }),
  ),
  tally: Tally,
});

/** How far a walk over all nodes has come, and what was found on the way. */
export type Walk = z.output<typeof Walk>;

/** One that begins now. */
export const newWalk = (redis: string, now: Date): Walk => ({
  format: 'history-worker reconcile, 1',
  redis,
  startedAt: now.toISOString(),
  nodes: {},
  tally: newTally(),
});

/**
 * The interrupted walk that a file tells of. Undefined: there is no file, or its walk was finished.
 * @throws CommandFault InvalidState for a file that is none of ours, or of another Redis: it is not written over either
 */
export function loadWalk(file: string, redis: string): Walk | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CommandFault('InvalidState', `${file} cannot be read: ${(error as Error).message}`);
  }
  const parsed = Walk.safeParse(parseJson(text));
  if (!parsed.success)
    throw new CommandFault(
      'InvalidState',
      `${file} is no state of a reconcile: delete it, or name another file with --state`,
    );
  if (parsed.data.redis !== redis)
    throw new CommandFault(
      'InvalidState',
      `${file} is of the Redis at ${parsed.data.redis}, not of ${redis}: delete it, or name another file with --state`,
    );
  return parsed.data.finishedAt === undefined ? parsed.data : undefined;
}

/**
 * In one step: whoever is killed meanwhile leaves the file as it was. Where two runs share it, as when a timer starts one before the
 * last has ended, either's state is whole and true. @throws CommandFault InvalidState
 */
export function saveWalk(file: string, walk: Walk): void {
  const part = `${file}.${process.pid}.part`;
  try {
    writeFileSync(part, `${JSON.stringify(walk, undefined, 2)}\n`, { mode: 0o600 });
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    throw new CommandFault('InvalidState', `${file} cannot be written: ${(error as Error).message}`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no JSON: no state either, as the caller says
  }
}
