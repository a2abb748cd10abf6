import type { Message } from './conversation.ts';
import { hasNoId, messageDigest } from './identity.ts';

/** A longer "id" is content under that name. */
const MAX_ID_LENGTH = 1024;

/**
 * Keeps the place of a message that no item can hold: its ids (`messageId`, `tool_call_id` and the like), role and time,
 * and how many bytes were left out. It has the identity of the message that it stands for.
 */
export function omit(message: Message, omittedBytes: number): Message {
  const ids = Object.entries(message).filter(
    ([name, value]) => /Id$|_id$/.test(name) && typeof value === 'string' && value.length <= MAX_ID_LENGTH,
  );
  return {
    ...Object.fromEntries(ids),
    ...(hasNoId(message) ? { omittedDigest: messageDigest(message) } : { messageId: message.messageId! }),
    role: message.role,
    ...(message.timestamp ? { timestamp: message.timestamp } : {}),
    omittedBytes,
  };
}

export function isMarker(message: Message): boolean {
  return typeof message.omittedBytes === 'number' && message.content === undefined;
}
