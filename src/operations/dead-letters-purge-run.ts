import { createInterface } from 'node:readline/promises';
import type { Config } from '../config.ts';
import { whatEndsIt } from '../run.ts';
import type { Choice } from './dead-letters-choice.ts';
import { groupDeadLetters, letters, table } from './dead-letters-list.ts';
import { purgeDeadLetters } from './dead-letters-purge.ts';
import { logTo } from './log-to.ts';
import { plainJson } from './plain-text.ts';
import { startProgress } from './progress.ts';

/**
 * Counts the chosen dead letters, asks, and deletes them. Exit codes: 0 all are gone; 1 nobody said yes, or an error; 2 some
 * stay; 3 it was interrupted. @throws the client's error
 */
export async function runPurge(
  config: Config,
  choice: Choice,
  { dryRun, json, yes }: { dryRun: boolean; json: boolean; yes: boolean },
): Promise<number> {
  const { sequences, groups } = await groupDeadLetters(config, choice);
  const chosen = sequences.size;
  console.error(`${letters(chosen)} ${dryRun ? 'would be' : 'to be'} deleted for good.`);
  if (chosen > 0) for (const line of table(groups)) console.error(line);
  const report = (deleted: number): void => {
    if (json) console.log(plainJson({ dryRun, chosen, deleted }));
  };
  if (dryRun || chosen === 0) {
    report(0);
    return 0;
  }
  if (!yes && !(await isConfirmed(chosen))) {
    report(0);
    return 1;
  }
  const progress = startProgress('deleting', chosen);
  const log = logTo(progress.say);
  const ending = whatEndsIt(log, () => undefined);
  const stopping = new AbortController();
  void ending.begun.then(() => stopping.abort());
  const outcomes = await purgeDeadLetters(config, sequences, {
    log,
    signal: stopping.signal,
    hurry: ending.hurry,
    onProgress: ({ size }) => progress.update(size),
  }).finally(progress.end);
  console.error(`${outcomes.size} of ${letters(chosen)} deleted.`);
  report(outcomes.size);
  if (ending.failed()) return 1;
  if (outcomes.size === chosen) return 0;
  return stopping.signal.aborted ? 3 : 2;
}

/** Whoever deletes types how many: a mere Enter, or a "yes" out of habit, is none. */
async function isConfirmed(count: number): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    console.error('There is no terminal to ask on: --yes deletes without asking. Nothing was deleted.');
    return false;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`Type ${count} to delete them: `);
  terminal.close();
  if (answer.trim() === String(count)) return true;
  console.error('Nothing was deleted.');
  return false;
}
