import type { Entity } from './entity.ts';
import { type SenderInternals, types } from './rhea-internals.ts';
import { holdAttachBack } from './rhea-workarounds.ts';
import type { Session } from './sessions.ts';
import type { Consumer } from './stored.ts';

const SESSION_FILTER = 'com.microsoft:session-filter';
const DEFAULT_WAIT_MS = 60_000;

/** The session that an attach asks for, `next` being whichever is free; undefined when it asks for none. */
export function askedSession(sender: SenderInternals): { id: string } | 'next' | undefined {
  const filter = (sender.source.filter ?? {}) as Record<string, unknown>;
  if (!Object.hasOwn(filter, SESSION_FILTER)) return undefined;
  const id = filter[SESSION_FILTER];
  return typeof id === 'string' ? { id } : 'next';
}

/**
 * Gives the session to the link, and says so in the answer to its attach. That is held back until a session is free,
 * or as long as the client is willing to wait.
 * @returns gives up waiting
 * @throws Refusal when another receiver has the session
 */
export function acceptSession(
  sender: SenderInternals,
  asked: { id: string } | 'next',
  address: string,
  entity: Entity,
  consumer: Consumer,
): () => void {
  const grant = (session: Session): void => {
    sender.set_source({ address, filter: { [SESSION_FILTER]: session.id } });
    sender.local.attach.properties = {
      'com.microsoft:locked-until-utc': types.wrap_long(ticks(session.lockedUntil)),
    };
  };
  const session =
    asked === 'next'
      ? entity.sessionLocks.acceptNextSession(consumer)
      : entity.sessionLocks.acceptSession(asked.id, consumer);
  if (!session) return waitForSession(sender, entity, consumer, grant);
  grant(session);
  return () => {};
}

function waitForSession(
  sender: SenderInternals,
  entity: Entity,
  consumer: Consumer,
  grant: (session: Session) => void,
): () => void {
  holdAttachBack(sender);
  const waitMs = Number(sender.properties?.['com.microsoft:timeout'] ?? DEFAULT_WAIT_MS);
  const timer = setTimeout(() => {
    stopWaiting();
    sender.open();
    sender.close({ condition: 'com.microsoft:timeout', description: 'No session became available in time.' });
  }, waitMs);
  const stopWaiting = entity.sessions.wait(() => {
    clearTimeout(timer);
    const session = entity.sessionLocks.acceptNextSession(consumer);
    if (!session) throw new Error('a session was offered and is not there');
    grant(session);
    sender.open();
  });
  return () => {
    clearTimeout(timer);
    stopWaiting();
  };
}

/** .NET ticks: tenths of microseconds since the year 1. */
const ticks = (unixMs: number): number => unixMs * 10_000 + 621_355_968_000_000_000;
