import type { TokenCredential } from '@azure/identity';
import { withDeadline } from '../azure/deadline.ts';
import { inspectRedis } from '../azure/redis-inspection.ts';
import type { Config } from '../config.ts';
import type { AzCommands } from './az.ts';
import { ANSWER_MS, awayFinding } from './doctor-away.ts';
import { type Check, type Finding, failure, ok } from './doctor-check.ts';
import type { Identity } from './doctor-identity.ts';
import type { Way } from './doctor-network.ts';
import { describeError, seeAbove, troubleOf, wholeText } from './errors.ts';

/** Whether Redis lets the worker read. */
export function redisChecks(
  config: Config,
  credential: TokenCredential,
  way: Way,
  az: AzCommands,
  identity: Promise<Identity | undefined>,
): Check[] {
  const { redis } = config;

  async function refused(error: unknown): Promise<Finding> {
    const text = wholeText(error);
    const isKey = redis.access.kind === 'key';
    if (/WRONGPASS|NOAUTH|invalid password/i.test(text))
      return isKey
        ? failure('REDIS_PASSWORD (and REDIS_USERNAME) are refused', `REDIS_PASSWORD="$(${az.keys.redis})"`)
        : failure(
            `the identity is not known to Redis: it needs the access policy ${az.redisPolicy}`,
            az.redisRole(await identity),
          );
    if (/NOPERM/.test(text))
      return failure(
        `${describeError(error)}: it needs the access policy ${az.redisPolicy}`,
        az.redisRole(await identity),
      );
    if (!redis.tls && /Socket closed|ECONNRESET/.test(text))
      return failure(`${describeError(error)}: it may want TLS`, 'REDIS_SSL=true');
    return (
      (await awayFinding(error, { way, ...az.away.redis })) ??
      failure(describeError(error), seeAbove(troubleOf(error), 'Redis'))
    );
  }

  return [
    {
      service: 'Redis',
      name: 'read',
      look: async () => {
        try {
          const { isCluster } = await withDeadline(ANSWER_MS, 'Redis', (signal) =>
            inspectRedis(config, credential, signal),
          );
          return ok(`may read, ${isCluster ? 'from a cluster' : 'from a single node'}`);
        } catch (error) {
          return refused(error);
        }
      },
    },
  ];
}
