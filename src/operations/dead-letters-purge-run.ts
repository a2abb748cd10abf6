import type { Config } from '../config.ts';
import { whatEndsIt } from '../run.ts';
import { EndedEarly } from './command-fault.ts';
import { isConfirmed } from './confirm.ts';
import type { Choice } from './dead-letters-choice.ts';
import { groupDeadLetters, letters, notMetLine, table } from './dead-letters-list.ts';
import { purgeDeadLetters } from './dead-letters-purge.ts';
import { EXIT_INTERRUPTED, EXIT_SOME_STAY } from './interruption.ts';
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
  console.error(
    chosen > 0
      ? `${letters(chosen)} ${dryRun ? 'would be' : 'to be'} deleted for good.`
      : 'There is no such dead letter: nothing is to be deleted.',
  );
  if (chosen > 0) for (const line of table(groups, process.stderr)) console.error(line);
  const resultOf = (deleted: number) => ({ dryRun, chosen, deleted });
  const report = (deleted: number): void => {
    if (json) console.log(plainJson(resultOf(deleted)));
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
  const { outcomes, failure } = await purgeDeadLetters(config, sequences, {
    log,
    signal: stopping.signal,
    hurry: ending.hurry,
    onProgress: ({ size }) => progress.update(size),
  }).finally(progress.end);
  console.error(`${outcomes.size} of ${letters(chosen)} deleted.`);
  const notMet = chosen - outcomes.size;
  const ended =
    failure !== undefined ? 'ended by an error' : stopping.signal.aborted ? 'interrupted' : undefined;
  if (notMet > 0) console.error(notMetLine(notMet, ended));
  // Told only now: what is gone is gone, whatever ended it.
  if (failure !== undefined) throw new EndedEarly(failure, resultOf(outcomes.size));
  report(outcomes.size);
  if (ending.failed()) return 1;
  if (outcomes.size === chosen) return 0;
  return stopping.signal.aborted ? EXIT_INTERRUPTED : EXIT_SOME_STAY;
}
