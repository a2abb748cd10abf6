import type { ConversationCache } from '../pipeline/ports.ts';

const noRoom = async (): Promise<void> => undefined;

/**
 * Asks the node that a session's key lies on for another key, which is not there: tells a node that is away from a key that fails
 * alone. @throws Failure CacheUnavailable
 */
export async function probeNodeOf(sessionId: string, cache: ConversationCache): Promise<void> {
  await cache.read(neighbourOf(sessionId), noRoom);
}

/** An id whose key lies in the same slot of a cluster: that of what stands between the first braces, or of the whole key. */
function neighbourOf(sessionId: string): string {
  const key = `session:${sessionId}`;
  const tag = /\{([^}]+)\}/.exec(key)?.[1] ?? key;
  return `{${tag}}~probe`;
}
