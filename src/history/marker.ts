import type { Message } from './conversation.ts';
import { messageDigest } from './identity.ts';

/** Keeps the place of a message that no item can hold: its ids, role and time, and how many bytes were left out. */
export function omit(message: Message, omittedBytes: number): Message {
  return {
    ...(message.messageId ? { messageId: message.messageId } : { omittedDigest: messageDigest(message) }),
    role: message.role,
    ...(message.timestamp ? { timestamp: message.timestamp } : {}),
    omittedBytes,
  };
}

export function isMarker(message: Message): boolean {
  return typeof message.omittedBytes === 'number' && message.content === undefined;
}
