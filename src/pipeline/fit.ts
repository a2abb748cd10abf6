import type { Conversation } from '../history/conversation.ts';
import { omit } from '../history/marker.ts';

/** Just under Cosmos DB's 2 MB, with room for what stands around a message in an item. */
export const MAX_MESSAGE_BYTES = 2_000_000;

/**
 * Puts a marker in the place of every message that no item can hold. `rawBytes` is the size of the snapshot's JSON:
 * a snapshot below the limit needs no look at its messages.
 */
export function fitMessages(
  conversation: Conversation,
  rawBytes: number,
  limitBytes: number,
): { conversation: Conversation; omitted: ReadonlySet<number> } {
  const omitted = new Set<number>();
  if (rawBytes <= limitBytes) return { conversation, omitted };
  const messages = conversation.messages.map((message, index) => {
    const bytes = Buffer.byteLength(JSON.stringify(message));
    if (bytes <= limitBytes) return message;
    omitted.add(index);
    return omit(message, bytes);
  });
  return { conversation: { ...conversation, messages }, omitted };
}
