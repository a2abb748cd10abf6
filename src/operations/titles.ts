import { openChatCompletions } from '../azure/chat-completions.ts';
import { openCosmos } from '../azure/cosmos.ts';
import { openQueries } from '../azure/cosmos-queries.ts';
import { makeCredential } from '../azure/credential.ts';
import { clock } from '../clock.ts';
import type { Config } from '../config.ts';
import { Failure } from '../pipeline/failures.ts';
import type { HistoryStore, Ids } from '../pipeline/ports.ts';
import { makeSlots } from '../pipeline/slots.ts';
import { makeTitleGate } from '../pipeline/title-gate.ts';
import { aborted } from './aborted.ts';
import { CommandFault, EndedEarly } from './command-fault.ts';
import { counted } from './counted.ts';
import {
  EXIT_INTERRUPTED,
  EXIT_SOME_STAY,
  FINISHING,
  type Interruption,
  onInterruption,
} from './interruption.ts';
import { makePace } from './pace.ts';
import { makePatience } from './patience.ts';
import { plain, plainJson } from './plain-text.ts';
import { print } from './print.ts';
import { startProgress } from './progress.ts';
import { quiet } from './quiet.ts';
import { type Titled, type TitlePorts, titleOne } from './title-one.ts';
import { countTitles, failedIn, titleLines } from './titles-report.ts';
import { makeTokenBudget } from './token-budget.ts';

export type TitlesOptions = {
  /** Titles a second. */
  rate: number;
  maxTokens: number;
  dryRun: boolean;
  json: boolean;
};

/** The ids of so many take little memory; the next run does the rest. */
const MAX_LISTED = 100_000;

/**
 * Gives a title to conversations that have none. Exit codes: 0 each has one, or never will; 1 an error; 2 some have none yet;
 * 3 it was interrupted. @throws Failure of a service
 */
export async function runTitles(config: Config, options: TitlesOptions): Promise<number> {
  const store = await openCosmos(config, makeCredential(config.azureClientId));
  const interruption = onInterruption();
  try {
    const untitled = await listUntitled(config, store, interruption.signal);
    const { dryRun, json } = options;
    const isCut = untitled.length === MAX_LISTED;
    console.error(
      `${isCut ? 'At least ' : ''}${counted(untitled.length, 'conversation')} ${untitled.length === 1 ? 'has' : 'have'} no title.`,
    );
    const given = dryRun ? undefined : await giveTitles(config, untitled, store, options, interruption);
    const counts = countTitles(given?.outcomes ?? [], untitled.length);
    const { tokens, untold } = given ?? { tokens: 0, untold: 0 };
    if (given) for (const line of titleLines(counts, tokens, untold)) console.error(line);
    const interrupted = interruption.signal.aborted;
    const result = { dryRun, untitled: untitled.length, ...counts, tokens, interrupted };
    if (given?.failure) throw new EndedEarly(given.failure.error, result);
    if (json) await print([plainJson(result)]);
    if (interrupted) return EXIT_INTERRUPTED;
    return dryRun || (counts.left === 0 && failedIn(counts) === 0) ? 0 : EXIT_SOME_STAY;
  } catch (error) {
    if (!interruption.signal.aborted || !(error instanceof Failure)) throw error;
    throw new CommandFault('Interrupted', 'Interrupted: no title was asked for.', EXIT_INTERRUPTED);
  } finally {
    interruption.end();
    await store.close();
  }
}

/** Listed before any is changed. As many as there are by then, when `signal` aborts. */
async function listUntitled(config: Config, store: HistoryStore, signal: AbortSignal): Promise<Ids[]> {
  const queries = await openQueries(config, makeCredential(config.azureClientId));
  const say = (line: string): void => console.error(plain(line));
  try {
    return await makePatience({ clock, signal, say, probe: store.probe }).wait(async () => {
      const found: Ids[] = [];
      for await (const page of queries.untitled()) {
        found.push(...page);
        if (found.length >= MAX_LISTED || signal.aborted) break;
      }
      return found.slice(0, MAX_LISTED);
    });
  } finally {
    queries.close();
  }
}

type Given = { outcomes: Titled[]; tokens: number; untold: number; failure: { error: unknown } | undefined };

async function giveTitles(
  config: Config,
  untitled: readonly Ids[],
  store: HistoryStore,
  { rate, maxTokens }: TitlesOptions,
  { signal, hurry }: Interruption,
): Promise<Given> {
  const progress = startProgress('naming', untitled.length);
  const say = (line: string): void => progress.say(plain(line));
  signal.addEventListener('abort', () => say(FINISHING), { once: true });
  const budget = makeTokenBudget(maxTokens);
  const pace = makePace(rate, clock);
  const ports: TitlePorts = {
    store,
    model: openChatCompletions(
      config,
      makeCredential(config.azureClientId),
      budget.watch,
      // It has its own say on each attempt that may cost something.
      config.titles.deadlineMs,
    ),
    gate: makeTitleGate(clock, {
      ...quiet,
      warn: ({ reason }) => say(`TitleUnavailable: ${reason}: waiting for it to pass`),
      info: () => say('The title model answers again.'),
    }),
    budget,
    patience: makePatience({ clock, signal, say, probe: store.probe, onThrottled: pace.hold }),
    clock,
    signal,
  };
  const given: Given = { outcomes: [], tokens: 0, untold: 0, failure: undefined };
  let isOverBudget = false;
  const slots = makeSlots(config.titles.maxConcurrency);

  async function give(ids: Ids): Promise<void> {
    try {
      const outcome = await titleOne(ids, ports);
      if (outcome?.kind === 'over-budget') isOverBudget = true;
      if (outcome) given.outcomes.push(outcome);
    } catch (error) {
      // Denied access is everybody's trouble; what only this conversation suffers from is no reason to end.
      if (!(error instanceof Failure) || error.code === 'StoreMisconfigured') given.failure ??= { error };
      else if (!signal.aborted) given.outcomes.push({ kind: 'failed', code: error.code });
    } finally {
      slots.give();
      progress.update(given.outcomes.length, `${budget.spent} tokens`);
    }
  }

  const all = (async () => {
    const tasks: Promise<void>[] = [];
    for (const ids of untitled) {
      await slots.take();
      await pace.next(signal);
      if (signal.aborted || given.failure || isOverBudget) break;
      tasks.push(give(ids));
    }
    await Promise.all(tasks);
  })();
  await Promise.race([all, aborted(hurry)]);
  progress.end();
  Object.assign(given, { tokens: budget.spent, untold: budget.untold });
  if (isOverBudget)
    console.error(`The budget of ${maxTokens} tokens is used up, as far as one more title might exceed it.`);
  return given;
}
