import { parseInstant } from './timestamp.ts';

/** A message, with whatever fields the front end gave it: all of them are kept as they are. */
export type Message = {
  messageId?: string;
  role: string;
  content?: string | null | readonly unknown[];
  timestamp?: string;
  [field: string]: unknown;
};

/** What Redis holds of a conversation. Timestamps are kept exactly as they came. */
export type Conversation = {
  sessionId: string;
  userId: string;
  title: string | null;
  createdAt: string;
  lastActivity: string;
  messages: Message[];
};

export type ParsedConversation =
  | { ok: true; conversation: Conversation }
  | { ok: false; description: string };

/** Far above any real message, far below where recursion, ours or that of `JSON.stringify`, ends in a RangeError. */
const MAX_DEPTH = 500;

/**
 * Reads a snapshot. Checked by hand rather than by a schema: a conversation may have thousands of messages, this is
 * the hot path, and a message must come out as the very object that JSON made of it. Never throws; the description
 * names the place, never its content.
 */
export function parseConversation(json: string): ParsedConversation {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return fault(`the value is ${json.length} characters that are no JSON`);
  }
  if (!isRecord(value)) return fault('the value is no JSON object');
  const { sessionId, userId, title = null, createdAt, lastActivity, messages } = value;
  for (const [name, id] of [
    ['sessionId', sessionId],
    ['userId', userId],
  ] as const)
    if (typeof id !== 'string' || id === '')
      return fault(`${name} is ${typeof id}, expected a non-empty string`);
  if (title !== null && typeof title !== 'string')
    return fault(`title is ${typeof title}, expected a string or null`);
  for (const [name, time] of [
    ['createdAt', createdAt],
    ['lastActivity', lastActivity],
  ] as const)
    if (!isTimestamp(time)) return fault(`${name} is no timestamp, expected ISO 8601`);
  if (!Array.isArray(messages)) return fault(`messages is ${typeof messages}, expected an array`);
  for (let index = 0; index < messages.length; index += 1) {
    const description = messageFault(messages[index]);
    if (description) return fault(`messages[${index}]${description}`);
  }
  return {
    ok: true,
    conversation: { sessionId, userId, title, createdAt, lastActivity, messages } as Conversation,
  };
}

/** What is wrong with a message, as the end of a sentence, or undefined. */
function messageFault(message: unknown): string | undefined {
  if (!isRecord(message)) return ' is no object';
  if (typeof message.role !== 'string') return '.role is no string';
  if (message.messageId !== undefined && message.messageId !== null && typeof message.messageId !== 'string')
    return '.messageId is no string';
  const { content, timestamp } = message;
  if (content !== undefined && content !== null && typeof content !== 'string' && !Array.isArray(content))
    return '.content is neither a string, null nor an array of parts';
  if (timestamp !== undefined && timestamp !== null && !isTimestamp(timestamp))
    return '.timestamp is no timestamp';
  return deeperThan(message, MAX_DEPTH) ? ` is nested deeper than ${MAX_DEPTH} levels` : undefined;
}

function deeperThan(value: object, levels: number): boolean {
  if (levels === 0) return true;
  // `in` and not `values()`: it makes no array for each of thousands of messages; JSON objects inherit nothing that counts.
  for (const name in value) {
    const inner = (value as Record<string, unknown>)[name];
    if (typeof inner === 'object' && inner !== null && deeperThan(inner, levels - 1)) return true;
  }
  return false;
}

const fault = (description: string): ParsedConversation => ({ ok: false, description });
const isTimestamp = (value: unknown): value is string =>
  typeof value === 'string' && parseInstant(value) !== undefined;
/** As much as is asked of a stored message, which may be an older worker's or somebody's by hand. */
export const isMessage = (value: unknown): value is Message =>
  isRecord(value) && typeof value.role === 'string';
/** An object of JSON, no list. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
