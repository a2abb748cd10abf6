import type { SessionScan } from '../azure/redis-scan.ts';
import type { Config } from '../config.ts';
import { parseConversation } from '../history/conversation.ts';
import { Failure } from '../pipeline/failures.ts';
import type { Clock, ConversationCache } from '../pipeline/ports.ts';
import { makeSlots } from '../pipeline/slots.ts';
import type { Pace } from './pace.ts';
import type { Patience } from './patience.ts';
import { newWalk } from './reconcile-state.ts';
import { walkSessions } from './reconcile-walk.ts';
import { shellWord } from './shell-word.ts';

/** Whose a value in Redis is; `nobody`: it is no conversation. Undefined: there is none. @throws Failure CacheUnavailable */
export async function ownerInRedis(
  sessionId: string,
  cache: ConversationCache,
  takeRoom: (bytes: number) => Promise<() => void>,
): Promise<{ userId: string } | 'nobody' | undefined> {
  let giveRoom = (): void => undefined;
  try {
    const raw = await cache.read(sessionId, async (bytes) => {
      giveRoom = await takeRoom(bytes);
    });
    if (raw === undefined) return undefined;
    const parsed = parseConversation(raw);
    return parsed.ok ? { userId: parsed.conversation.userId } : 'nobody';
  } catch (error) {
    if (error instanceof Failure && error.code === 'InvalidConversation') return 'nobody';
    throw error;
  } finally {
    giveRoom();
  }
}

export type HoldsOptions = {
  scan: SessionScan;
  cache: ConversationCache;
  takeRoom: (bytes: number) => Promise<() => void>;
  patience: Patience;
  pace: Pace;
  clock: Clock;
  maxConcurrency: number;
  onStep: (read: number) => void;
  say: (line: string) => void;
  signal: AbortSignal;
};

/**
 * Reads every session in Redis and tells which are a user's. Those that are no conversations are anybody's: they are counted.
 * `isComplete`: it was not interrupted.
 */
export async function sessionsInRedis(
  userId: string,
  { scan, cache, takeRoom, patience, pace, clock, maxConcurrency, onStep, say, signal }: HoldsOptions,
): Promise<{ sessionIds: string[]; nobodys: number; isComplete: boolean }> {
  const sessionIds = new Set<string>();
  const slots = makeSlots(maxConcurrency);
  let [nobodys, read] = [0, 0];
  const look = async (key: Buffer): Promise<void> => {
    const sessionId = key.toString('utf8');
    try {
      const owner = await patience.wait(() => ownerInRedis(sessionId, cache, takeRoom));
      if (owner === 'nobody') nobodys += 1;
      else if (owner?.userId === userId) sessionIds.add(sessionId);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      // A key that fails alone, or an interruption.
      nobodys += 1;
    } finally {
      read += 1;
      onStep(read);
      slots.give();
    }
  };
  const isComplete = await walkSessions({
    scan,
    walk: newWalk('', new Date()),
    async onPage(keys) {
      const looks: Promise<void>[] = [];
      for (const key of keys) {
        await slots.take();
        await pace.next(signal);
        if (signal.aborted) return false;
        looks.push(look(key));
      }
      await Promise.all(looks);
      return true;
    },
    onStep: () => undefined,
    say,
    clock,
    signal,
  });
  return { sessionIds: [...sessionIds], nobodys, isComplete };
}

/**
 * The command line that removes sessions from Redis, to be run by somebody who may: the worker only reads. No password is in
 * it: the variable that holds it is named.
 */
export function removeCommand(sessionIds: readonly string[], { redis }: Config): string {
  const { host, port, tls, username, access } = redis;
  const user =
    access.kind === 'entra'
      ? '"$(az ad signed-in-user show --query id -o tsv)"'
      : username && shellWord(username);
  const password =
    access.kind === 'entra'
      ? '"$(az account get-access-token --resource https://redis.azure.com --query accessToken -o tsv)"'
      : '"$REDIS_PASSWORD"';
  const cli = [
    `REDISCLI_AUTH=${password} redis-cli -c -h ${shellWord(host)} -p ${port}`,
    ...(tls ? ['--tls'] : []),
    ...(user ? [`--user ${user}`] : []),
  ].join(' ');
  const keys = sessionIds.map((sessionId) => shellWord(`session:${sessionId}`));
  return keys.length === 1
    ? `${cli} UNLINK ${keys[0]}`
    : `for key in ${keys.join(' ')}; do ${cli} UNLINK "$key"; done`;
}
