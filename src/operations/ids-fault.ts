import { parseEvent } from '../history/event.ts';
import type { Ids } from '../pipeline/ports.ts';

/** Why history can have no conversation of these ids, by the rules for an event; undefined if it can. */
export function idsFault(ids: Ids): string | undefined {
  const parsed = parseEvent({
    ...ids,
    chatMessageId: '~',
    completedAt: '2000-01-01T00:00Z',
    eventType: 'message_completed',
  });
  return parsed.ok ? undefined : parsed.description;
}
