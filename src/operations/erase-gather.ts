import type { Scope } from '../azure/cosmos-queries.ts';
import { makeCredential } from '../azure/credential.ts';
import { openSessionScan } from '../azure/redis-scan.ts';
import { clock } from '../clock.ts';
import type { Config } from '../config.ts';
import { Failure } from '../pipeline/failures.ts';
import type { ConversationCache, Ids } from '../pipeline/ports.ts';
import { makeRoom } from '../pipeline/room.ts';
import { CommandFault } from './command-fault.ts';
import { type ErasePorts, findHeld, type Held, isLive } from './erase-history.ts';
import { idsFault } from './ids-fault.ts';
import { makePace } from './pace.ts';
import { probeNodeOf } from './probe-redis.ts';
import { quiet } from './quiet.ts';
import { ownerInRedis, sessionsInRedis } from './redis-holds.ts';
import type { Voice } from './voice.ts';

/** All that is to be erased, and what is known of Redis. */
export type Gathered = {
  userId: string;
  held: Held;
  /** Sessions that Redis holds. */
  inRedis: string[];
  /** Values in Redis that are no conversations: whose they are cannot be told. */
  nobodys: number;
  /** Redis was looked through to the end. */
  isComplete: boolean;
};

export type GatherPorts = Pick<ErasePorts, 'queries' | 'patience' | 'maxConcurrency' | 'signal'> & {
  config: Config;
  /** Undefined: Redis cannot be had. */
  cache: ConversationCache | undefined;
  /** Sessions of Redis read a second. */
  rate: number;
  voice: Voice;
};

/**
 * A session of one user: found out by history and Redis where it is not given.
 * @throws CommandFault NotFound or Unclear; Failure
 */
export async function gatherSession(
  { sessionId, userId }: { sessionId: string; userId: string | undefined },
  ports: GatherPorts,
): Promise<Gathered> {
  const scope: Scope = { sessionId, userId };
  const { cache } = ports;
  const held = await findHeld(scope, ports);
  const owner = cache && (await ownerOf(sessionId, cache, ports));
  const ownerId = owner === 'nobody' ? undefined : owner?.userId;
  const users = [...new Set([...held.heads, ...held.segments].map((each) => each.userId))];
  if (users.length > 1)
    throw new CommandFault(
      'Unclear',
      `Not erased: ${sessionId} is a session of ${users.length} users: say of whom with --user: ${users.join(', ')}.`,
    );
  const of = userId ?? users[0] ?? ownerId;
  if (of === undefined)
    throw new CommandFault(
      'NotFound',
      `Not erased: there is no conversation ${sessionId} in history${owner ? ', and what Redis has under this name is none' : cache ? ' or in Redis' : ', and Redis cannot be asked'}.`,
    );
  const isInRedis = owner === 'nobody' || ownerId === of;
  return {
    userId: of,
    held,
    inRedis: isInRedis ? [sessionId] : [],
    nobodys: owner === 'nobody' ? 1 : 0,
    isComplete: true,
  };
}

async function ownerOf(sessionId: string, cache: ConversationCache, { patience, signal }: GatherPorts) {
  try {
    return await patience.wait(
      () => ownerInRedis(sessionId, cache, async () => () => undefined),
      () => probeNodeOf(sessionId, cache),
    );
  } catch (error) {
    // A key that fails alone keeps nobody from erasing what history has.
    if (!(error instanceof Failure) || signal.aborted) throw error;
    return 'nobody';
  }
}

/** All of a user. Every session in Redis is looked at: one of which history knows nothing yet may still come. @throws Failure */
export async function gatherUser(userId: string, ports: GatherPorts): Promise<Gathered> {
  const { config, cache, patience, rate, voice, signal, maxConcurrency } = ports;
  const held = await findHeld({ userId }, ports);
  if (!cache) return { userId, held, inRedis: [], nobodys: 0, isComplete: true };
  const scan = await openSessionScan(config, makeCredential(config.azureClientId), quiet);
  try {
    const sizes = await Promise.all(scan.nodes().map((node) => scan.size(node).catch(() => 0)));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const found = await voice.during('looking through Redis', total, (progress) =>
      sessionsInRedis(userId, {
        scan,
        cache,
        takeRoom: makeRoom(config.memoryBytes).take,
        patience,
        pace: makePace(rate, clock),
        clock,
        maxConcurrency,
        onStep: (read) => progress.update(read),
        say: voice.say,
        signal,
      }),
    );
    return { userId, held, inRedis: found.sessionIds, nobodys: found.nobodys, isComplete: found.isComplete };
  } finally {
    scan.close();
  }
}

/** What is there still: conversations, whether history has them yet or not, and pages. */
export function toErase({ userId, held, inRedis }: Gathered): { live: number; pages: number; coming: Ids[] } {
  const known = new Set(held.heads.map(({ sessionId }) => sessionId));
  const coming = inRedis
    .map((sessionId) => ({ sessionId, userId }))
    .filter((ids) => !known.has(ids.sessionId) && idsFault(ids) === undefined);
  return {
    live: held.heads.filter(isLive).length,
    pages: held.segments.length,
    coming,
  };
}
