import type { TokenCredential } from '@azure/identity';
import type { Config } from '../config.ts';
import type { Log } from '../pipeline/ports.ts';
import { withDeadline } from './deadline.ts';
import { openAdministration } from './service-bus-administration.ts';

/** How many messages a subscription has. */
export type Depth = { backlog: number; deadLetters: number };

const DEADLINE_MS = 3_000;
/** Who may not read it now may not later: rights are given with a new start, as a rule. */
const denied = new Set<unknown>([401, 403]);

/**
 * Reads how many messages the subscription has, which takes the right to manage it. An identity without it is told so once, and
 * answered with undefined from then on; so is whoever cannot be answered just now.
 */
export function makeDepth(
  config: Config,
  credential: TokenCredential,
  log: Log,
): () => Promise<Depth | undefined> {
  const { topic, subscription } = config.serviceBus;
  const client = openAdministration(config, credential);
  if (!client) return async () => undefined;
  let mayRead = true;

  return async () => {
    if (!mayRead) return undefined;
    try {
      const { activeMessageCount, deadLetterMessageCount } = await withDeadline(
        DEADLINE_MS,
        'the state of the subscription',
        (abortSignal) => client.getSubscriptionRuntimeProperties(topic, subscription, { abortSignal }),
      );
      return { backlog: activeMessageCount, deadLetters: deadLetterMessageCount };
    } catch (error) {
      const { statusCode, code, name } = error as { statusCode?: unknown; code?: unknown; name: string };
      mayRead = !denied.has(statusCode);
      const reason = String(code ?? name);
      if (mayRead) log.debug({ reason }, 'the state of the subscription could not be read');
      else
        log.info(
          { reason },
          'backlog and dead letters are not among the metrics: reading them takes the right to manage the subscription (Azure Service Bus Data Owner)',
        );
      return undefined;
    }
  };
}
