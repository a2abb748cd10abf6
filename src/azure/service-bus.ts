import type { TokenCredential } from '@azure/identity';
import type { Config } from '../config.ts';
import type { EventSource, Log } from '../pipeline/ports.ts';
import { peekOldest, subscriptionOf } from './service-bus-client.ts';
import { connect, type Received } from './service-bus-connection.ts';
import { receiveOverLinks } from './service-bus-links.ts';
import { receiveFromSessions, requiresSessions } from './service-bus-sessions.ts';

const START_DEADLINE_MS = 30_000;
/** A receive that only finds out whether it may. What it brings is the first event. */
const FIRST_WAIT_MS = 50;
/** How long nothing must come before the links are suspected. */
const SILENCE_MS = 30_000;

/**
 * Opens the subscription, with sessions or without: it finds out by itself. One peek shows that it exists and may be read:
 * the client itself would retry for ever.
 * @throws the client's error when the subscription cannot be read
 */
export async function openServiceBus(
  config: Config,
  credential: TokenCredential,
  log: Log,
  silenceMs = SILENCE_MS,
): Promise<EventSource> {
  const entity = subscriptionOf(config, credential);
  const { maxConcurrency, maxLockedEvents } = config;
  const connection = connect(entity);
  try {
    await peekOldest(connection.keeper, START_DEADLINE_MS);
    let received: Received | undefined;
    try {
      received = await connection.receive(FIRST_WAIT_MS);
    } catch (error) {
      if (!(await requiresSessions(entity))) throw error;
      await connection.close();
      return receiveFromSessions(entity, { maxConcurrency, maxLockedEvents, silenceMs, log });
    }
    return receiveOverLinks(entity, { connection, received }, { maxLockedEvents, silenceMs, log });
  } catch (error) {
    await connection.close();
    throw error;
  }
}
