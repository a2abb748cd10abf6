import type { TokenCredential } from '@azure/identity';
import type { Config } from '../config.ts';
import type { EventSource, Log } from '../pipeline/ports.ts';
import { unwatched, type Watch } from '../pipeline/watch.ts';
import { type Aged, IDLE_WAIT_MS, subscriptionOf } from './service-bus-client.ts';
import { receiveOverLinks } from './service-bus-links.ts';
import { receiveFromSessions, requiresSessions } from './service-bus-sessions.ts';

const START_DEADLINE_MS = 10_000;
/** Long enough for the broker's refusal, which comes with the attach. */
const FIRST_WAIT_MS = 50;
/** How long nothing must come before the links are suspected. */
const SILENCE_MS = 30_000;

export type SourceOptions = {
  /** What must be there before an event may come. */
  others?: Promise<unknown>;
  silenceMs?: number | undefined;
  /** How long an idle link asks at a time, without sessions: a shutdown waits as long. */
  idleWaitMs?: number;
  watch?: Watch;
};

/**
 * Opens the subscription, with sessions or without: it finds out by itself. One peek shows that it exists and may be read:
 * the client itself would retry for ever. The first receive, which may bring an event, waits until the `others` are there
 * to work on it.
 * @throws the client's error when the subscription cannot be read, or what the others reject with
 */
export async function openServiceBus(
  config: Config,
  credential: TokenCredential,
  log: Log,
  { others, silenceMs = SILENCE_MS, idleWaitMs = IDLE_WAIT_MS, watch = unwatched }: SourceOptions = {},
): Promise<EventSource & Aged> {
  const entity = subscriptionOf(config, credential);
  const { maxConcurrency, maxLockedEvents } = config;
  const links = receiveOverLinks(entity, { maxLockedEvents, idleWaitMs, silenceMs, log, watch });
  try {
    await links.peek(START_DEADLINE_MS);
    await others;
    try {
      await links.open(FIRST_WAIT_MS);
    } catch (error) {
      if (!refusesWithoutSession(error) || !(await requiresSessions(entity))) throw error;
      await links.close();
      return receiveFromSessions(entity, { maxConcurrency, maxLockedEvents, silenceMs, log, watch });
    }
    return links;
  } catch (error) {
    // Not waited for: on a broker that hangs it takes a minute, and the next attempt has a client of its own.
    links
      .close()
      .catch((reason) => log.debug({ reason: reason.message }, 'closing a client that could not open'));
    throw error;
  }
}

/**
 * The refusal has no code of its own, only its text: "It is not possible for an entity that requires sessions to create a
 * non-sessionful message receiver". So it is a hint, and the wish for a session the proof.
 */
const refusesWithoutSession = (error: unknown): boolean => /session/i.test((error as Error).message);
