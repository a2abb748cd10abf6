import { z } from 'zod';
import type { Entity } from './entity.ts';
import { Refusal } from './refusal.ts';
import type { Response } from './requests.ts';
import { types } from './rhea-internals.ts';

const sessionBody = z.object({ 'session-id': z.string() });
const stateBody = sessionBody.extend({ 'session-state': z.instanceof(Buffer).nullish() });
const listBody = z.object({ skip: z.number(), top: z.number() });

/** The operations of $management on sessions; undefined when it is none of them. */
export function manageSessions(operation: string, body: unknown, entity: Entity): Response | undefined {
  switch (operation) {
    case 'renew-session-lock': {
      const until = entity.sessionLocks.renewSession(sessionBody.parse(body)['session-id']);
      return { status: 200, body: { expiration: types.wrap_timestamp(until) } };
    }
    case 'get-session-state': {
      const session = needSessions(entity).find(sessionBody.parse(body)['session-id']);
      return { status: 200, body: { 'session-state': session?.state ?? null } };
    }
    case 'set-session-state': {
      const { 'session-id': id, 'session-state': state } = stateBody.parse(body);
      needSessions(entity).setState(id, state ?? undefined);
      return { status: 200 };
    }
    case 'get-message-sessions': {
      const { skip, top } = listBody.parse(body);
      const ids = needSessions(entity)
        .ids()
        .slice(skip, skip + top);
      return ids.length > 0
        ? { status: 200, body: { skip: types.wrap_int(skip), 'sessions-ids': ids } }
        : { status: 204 };
    }
    default:
      return undefined;
  }
}

function needSessions(entity: Entity) {
  if (!entity.settings.requiresSession)
    throw new Refusal('amqp:not-allowed', `'${entity.path}' does not require sessions.`);
  return entity.sessions;
}
