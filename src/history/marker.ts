import type { Message } from './conversation.ts';
import { hasNoId, isShortId, messageDigest } from './identity.ts';

/**
 * Keeps the place of a message that no item can hold: its ids (`messageId`, `tool_call_id` and the like, and that
 * of the first tool call that it makes), role and time, and how many bytes were left out. It has the identity of the message that it stands for.
 */
export function omit(message: Message, omittedBytes: number): Message {
  const ids = Object.entries(message).filter(([name, value]) => /Id$|_id$/.test(name) && isShortId(value));
  const call = Array.isArray(message.tool_calls) ? message.tool_calls[0]?.id : undefined;
  return {
    ...Object.fromEntries(ids),
    ...(isShortId(call) ? { tool_calls: [{ id: call }] } : {}),
    ...(hasNoId(message) ? { omittedDigest: messageDigest(message) } : { messageId: message.messageId! }),
    role: message.role,
    ...(message.timestamp ? { timestamp: message.timestamp } : {}),
    omittedBytes,
  };
}

/** Whether it stands in the place of a message that no item can hold. */
export function isMarker(message: Message): boolean {
  return typeof message.omittedBytes === 'number' && message.content === undefined;
}
