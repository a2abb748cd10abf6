import type { Message } from './ledger.ts';

export type Item = { id: string; userId?: unknown; [field: string]: unknown };

/** A conversation as a reader of history sees it. `missing`: segments that its head lists and that are not there. */
export type History = { head: Item; messages: Message[]; missing: number };

const ATTEMPTS = 5;

/**
 * Reads a conversation as any reader of history must: the head, then the segments that it lists, oldest first, then the
 * head's own messages. A segment that is not there means that the head has moved on: it is read again.
 */
export async function readHistory(
  find: (id: string) => Promise<Item | undefined>,
  sessionId: string,
): Promise<History | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const head = await find(sessionId);
    if (!head) return undefined;
    const messages: Message[] = [];
    let missing = 0;
    for (const { id } of (head.segments ?? []) as { id: string }[]) {
      const segment = await find(id);
      if (segment) messages.push(...(segment.messages as Message[]));
      else missing += 1;
    }
    messages.push(...((head.messages ?? []) as Message[]));
    if (missing === 0 || attempt === ATTEMPTS) return { head, messages, missing };
  }
}
