import { openCosmos } from '../azure/cosmos.ts';
import { openQueries } from '../azure/cosmos-queries.ts';
import { makeCredential } from '../azure/credential.ts';
import { openRedis } from '../azure/redis.ts';
import { clock } from '../clock.ts';
import type { Config } from '../config.ts';
import { Failure } from '../pipeline/failures.ts';
import { CommandFault, EndedEarly } from './command-fault.ts';
import { isConfirmed } from './confirm.ts';
import { type Gathered, type GatherPorts, gatherSession, gatherUser, toErase } from './erase-gather.ts';
import {
  type Erased,
  type ErasePorts,
  type Eraser,
  findHeld,
  type Held,
  makeEraser,
} from './erase-history.ts';
import { erasedLines, foundLines, redisLines } from './erase-report.ts';
import { describeError } from './errors.ts';
import { idsFault } from './ids-fault.ts';
import { EXIT_INTERRUPTED, EXIT_SOME_STAY, FINISHING, onInterruption } from './interruption.ts';
import { makePatience } from './patience.ts';
import { plainJson } from './plain-text.ts';
import { print } from './print.ts';
import { quiet } from './quiet.ts';
import { makeVoice } from './voice.ts';

export type EraseOptions = {
  user?: string | undefined;
  session?: string | undefined;
  yes: boolean;
  dryRun: boolean;
  json: boolean;
  /** Sessions of Redis read a second. */
  rate: number;
};

/** What is written while it is erased is found by another look: a worker in the middle of paging may be seconds behind. */
const LOOK_AGAIN_MS = [0, 200, 1_000, 4_000];

/**
 * Removes a conversation, or all of a user's, from history for good. Exit codes: 0 history has nothing of it any more; 1 nobody
 * said yes, it is not clear what is meant, or an error; 2 something stays, or Redis could not be asked; 3 it was interrupted.
 * @throws CommandFault where it is not clear what is meant; Failure of Cosmos DB
 */
export async function runErase(config: Config, options: EraseOptions): Promise<number> {
  const { user, session } = options;
  const fault = idsFault({ sessionId: session ?? 'any', userId: user ?? 'any' });
  if (fault !== undefined) throw new CommandFault('Unclear', `There can be no such conversation: ${fault}`);
  const credential = makeCredential(config.azureClientId);
  const redis = openRedis(config, credential, quiet).catch((error: unknown) => describeError(error));
  const store = await openCosmos(config, credential);
  const queries = await openQueries(config, credential);
  const opened = await redis;
  const [cache, away] = typeof opened === 'string' ? [undefined, opened] : [opened, undefined];
  const interruption = onInterruption();
  const { signal } = interruption;
  const voice = makeVoice();
  signal.addEventListener('abort', () => voice.say(FINISHING), { once: true });
  interruption.hurry.addEventListener('abort', () => process.exit(EXIT_INTERRUPTED), { once: true });
  const patience = makePatience({ clock, signal, say: voice.say, probe: store.probe });
  const { maxConcurrency } = config;
  const ports = { queries, store, patience, clock, maxConcurrency, signal, config, cache, voice };
  try {
    return await erase(options, { ...ports, away, rate: options.rate });
  } catch (error) {
    if (!signal.aborted || !(error instanceof Failure)) throw error;
    throw new CommandFault('Interrupted', 'Interrupted: nothing was erased.', EXIT_INTERRUPTED);
  } finally {
    interruption.end();
    queries.close();
    await Promise.all([store.close(), cache?.close()]);
  }
}

type Ports = Omit<ErasePorts, 'onStep'> & GatherPorts & { away: string | undefined };

async function erase({ user, session, yes, dryRun, json }: EraseOptions, ports: Ports): Promise<number> {
  const { signal, away, config } = ports;
  const gathered =
    session === undefined
      ? await gatherUser(user!, ports)
      : await gatherSession({ sessionId: session, userId: user }, ports);
  for (const line of foundLines(gathered, session)) console.error(line);
  const { live, pages, coming } = toErase(gathered);
  const count = live + pages + coming.length;
  const result = (erased: Erased | undefined, stays: number) =>
    resultOf(gathered, erased, { dryRun, stays, away, interrupted: signal.aborted });
  const tellResult = async (erased: Erased | undefined, stays: number): Promise<void> => {
    if (json) await print([plainJson(result(erased, stays))]);
  };
  const say = (erased: Erased | undefined, stays: number): void => {
    if (erased) for (const line of erasedLines(erased, stays)) console.error(line);
    for (const line of redisLines(
      gathered,
      { away, isDryRun: dryRun || signal.aborted || stays > 0 },
      config,
    ))
      console.error(line);
  };
  if (dryRun || signal.aborted || count === 0) {
    say(undefined, 0);
    await tellResult(undefined, 0);
    return signal.aborted ? EXIT_INTERRUPTED : away === undefined ? 0 : EXIT_SOME_STAY;
  }
  if (!yes && !(await isConfirmed(count, process.stdin, process.stderr, signal))) {
    await tellResult(undefined, 0);
    return signal.aborted ? EXIT_INTERRUPTED : 1;
  }

  const { voice } = ports;
  const { erased, stays, failure } = await voice.during('erasing', count, async (progress) => {
    let steps = 0;
    const eraser = makeEraser({
      ...ports,
      onStep() {
        steps += 1;
        progress.update(steps);
      },
    });
    const { erased } = eraser;
    try {
      await eraser.erase({ heads: [...gathered.held.heads, ...coming], segments: gathered.held.segments });
      if (!signal.aborted)
        return { erased, stays: await eraseWhatCame(gathered, session, eraser, ports), failure: undefined };
      return { erased, stays: leftOf(gathered, eraser), failure: undefined };
    } catch (error) {
      return { erased, stays: leftOf(gathered, eraser), failure: { error } };
    }
  });
  say(erased, stays);
  if (failure && !signal.aborted) throw new EndedEarly(failure.error, result(erased, stays));
  await tellResult(erased, stays);
  if (signal.aborted) return EXIT_INTERRUPTED;
  return stays > 0 || erased.refused.length > 0 || away !== undefined ? EXIT_SOME_STAY : 0;
}

/**
 * Looks again until nothing is left; answers how much is. A worker that has just written a page finds the tombstone a moment later:
 * so it is given that.
 */
async function eraseWhatCame(
  { userId }: Gathered,
  sessionId: string | undefined,
  eraser: Eraser,
  ports: Ports,
): Promise<number> {
  const { clock, signal } = ports;
  const look = async () => eraser.left(await findHeld({ userId, sessionId }, ports));
  for (const delayMs of LOOK_AGAIN_MS) {
    await clock.sleep(delayMs, signal);
    if (signal.aborted) return 0;
    const left = await look();
    if (countOf(left) === 0) return 0;
    await eraser.erase(left);
  }
  return countOf(await look());
}

/** Of what was gathered. */
function leftOf(gathered: Gathered, { left }: Eraser): number {
  const { heads, segments } = gathered.held;
  const coming = toErase(gathered).coming.map((ids) => ({ ...ids, ...NOT_THERE_YET }));
  return countOf(left({ heads: [...heads, ...coming], segments }));
}

const NOT_THERE_YET = { isDeleted: false, isFilled: false, lastActivity: undefined };

const countOf = ({ heads, segments }: Held): number => heads.length + segments.length;

function resultOf(
  gathered: Gathered,
  erased: Erased | undefined,
  facts: { dryRun: boolean; stays: number; away: string | undefined; interrupted: boolean },
): Record<string, unknown> {
  const { live, pages, coming } = toErase(gathered);
  const { dryRun, stays, away, interrupted } = facts;
  return {
    dryRun,
    userId: gathered.userId,
    found: { conversations: live, pages, coming: coming.length },
    erased: erased?.erased ?? 0,
    erasedBefore: erased?.erasedBefore ?? gathered.held.heads.length - live,
    forestalled: erased?.forestalled ?? 0,
    pages: erased?.pages ?? 0,
    refused: erased?.refused ?? [],
    stays,
    redis:
      away === undefined
        ? { sessions: gathered.inRedis, nobodys: gathered.nobodys, complete: gathered.isComplete }
        : { away },
    interrupted,
  };
}
