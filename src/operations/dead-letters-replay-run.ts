import type { Config } from '../config.ts';
import { whatEndsIt } from '../run.ts';
import type { Choice } from './dead-letters-choice.ts';
import type { Outcome } from './dead-letters-chosen.ts';
import { groupDeadLetters, letters, notMetLine, table } from './dead-letters-list.ts';
import { type ReplayState, replayDeadLetters } from './dead-letters-replay.ts';
import { EXIT_INTERRUPTED, EXIT_SOME_STAY } from './interruption.ts';
import { logTo } from './log-to.ts';
import { plain, plainJson } from './plain-text.ts';
import { startProgress } from './progress.ts';

/**
 * Replays the chosen dead letters and says what became of them. Exit codes: 0 all are gone; 1 an error ended it; 2 some stay;
 * 3 it was interrupted. @throws the client's error
 */
export async function runReplay(
  config: Config,
  choice: Choice,
  { dryRun, json }: { dryRun: boolean; json: boolean },
): Promise<number> {
  const { sequences, groups } = await groupDeadLetters(config, choice);
  if (dryRun || sequences.size === 0) {
    console.error(
      sequences.size > 0
        ? `${letters(sequences.size)} would be replayed.`
        : 'There is no such dead letter: nothing is to be replayed.',
    );
    if (sequences.size > 0) for (const line of table(groups, process.stderr)) console.error(line);
    if (json)
      console.log(
        plainJson({
          ...{ dryRun, chosen: sequences.size, replayed: 0, failed: {}, notMet: 0 },
          interrupted: false,
        }),
      );
    return 0;
  }
  const progress = startProgress('replaying', sequences.size);
  const log = logTo(progress.say);
  let reconnect = (): void => undefined;
  const ending = whatEndsIt(log, () => reconnect());
  const stopping = new AbortController();
  void ending.begun.then(() => {
    stopping.abort();
    progress.say('Finishing what is in hand; a second signal gives it back at once.');
  });
  const { outcomes, stillLocked } = await replayDeadLetters(config, sequences, {
    log,
    signal: stopping.signal,
    hurry: ending.hurry,
    onFatal: ending.fatal,
    onStart: (worker) => {
      reconnect = () => worker.reconnect();
    },
    onProgress: (state) => progress.update(state.outcomes.size, noteOf(state)),
  }).finally(progress.end);

  const failed = failuresOf(outcomes);
  const replayed = countOf(outcomes, 'completed');
  const notMet = sequences.size - outcomes.size;
  const interrupted = stopping.signal.aborted;
  console.error(`${replayed} of ${letters(sequences.size)} replayed.`);
  if (failed.size > 0) console.error(`${countOf(outcomes, 'failed')} failed again and stay:`);
  const width = Math.max(...[...failed.keys()].map((reason) => plain(reason).length));
  for (const [reason, { count, description }] of failed)
    console.error(
      `  ${String(count).padStart(5)}  ${plain(reason).padEnd(width)}  such as: ${plain(description)}`,
    );
  if (notMet > 0) console.error(notMetLine(notMet, interrupted ? 'interrupted' : undefined));
  if (stillLocked > 0)
    console.error(`${stillLocked} that were met on the way stay locked for as long as a lock lasts.`);
  if (json) {
    const counts = Object.fromEntries([...failed].map(([reason, { count }]) => [reason, count]));
    console.log(plainJson({ dryRun, chosen: sequences.size, replayed, failed: counts, notMet, interrupted }));
  }
  if (ending.failed()) return 1;
  if (interrupted) return EXIT_INTERRUPTED;
  return replayed === sequences.size ? 0 : EXIT_SOME_STAY;
}

/** How many have come to that. */
export const countOf = (outcomes: ReadonlyMap<string, Outcome>, kind: Outcome['kind']): number =>
  [...outcomes.values()].filter((outcome) => outcome.kind === kind).length;

function noteOf({ outcomes, passed, waitingFor }: ReplayState): string {
  const failed = countOf(outcomes, 'failed');
  const others = passed - failed;
  return [
    ...(waitingFor.length > 0 ? [`waiting for ${waitingFor.join(', ')}`] : []),
    ...(failed > 0 ? [`${failed} failed again`] : []),
    ...(others > 0 ? [`${others} others passed by`] : []),
  ].join(' · ');
}

/** By reason, with one description of each. */
export function failuresOf(
  outcomes: ReadonlyMap<string, Outcome>,
): Map<string, { count: number; description: string }> {
  const failed = new Map<string, { count: number; description: string }>();
  for (const outcome of outcomes.values()) {
    if (outcome.kind !== 'failed') continue;
    const { reason, description } = outcome;
    failed.set(reason, { description, count: (failed.get(reason)?.count ?? 0) + 1 });
  }
  return failed;
}
