import type { Ids } from './ports.ts';

/** One key a conversation of one user; neither part may run into the other. */
export const keyOf = (ids: Ids): string => JSON.stringify([ids.userId, ids.sessionId]);

/** What stands in such a key. */
export function idsOfKey(key: string): Ids {
  const [userId, sessionId] = JSON.parse(key) as [string, string];
  return { userId, sessionId };
}
