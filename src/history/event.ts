import { parseInstant } from './timestamp.ts';

/** A finished turn, as the chat front end announces it. `completedAt` is kept exactly as it came. */
export type TurnEvent = {
  sessionId: string;
  userId: string;
  chatMessageId: string;
  completedAt: string;
  completedAtMs: number;
};

/** What an event is known by, as far as it says. */
export type EventIds = Partial<Pick<TurnEvent, 'sessionId' | 'userId' | 'chatMessageId'>>;

export type ParsedEvent =
  | { ok: true; event: TurnEvent }
  | { ok: false; reason: 'InvalidEvent' | 'UnexpectedEventType'; description: string; ids: EventIds };

type Fault = Extract<ParsedEvent, { ok: false }>;

/** Ids of segments begin so: a conversation of that name could pass for one of another's pages. */
export const SEGMENT_PREFIX = '~seg|';
/** Cosmos DB's limits: an item id of 1,023 bytes, a partition key of 2,048 (we stay at half, for all accounts). */
const MAX_ID_BYTES = 1023;
const MAX_USER_BYTES = 1024;

/**
 * Reads the body of a message. It arrives as an object, a string or bytes, according to the AMQP section that the
 * sender used. Never throws; a fault names the field, what was found (type or size, never content) and what was expected.
 */
export function parseEvent(body: unknown): ParsedEvent {
  const parsed = parse(body);
  return parsed.ok ? parsed : { ...parsed, ids: idsIn(decode(body)) };
}

/** Of what is no event: who looks for it looks for these. */
function idsIn(body: unknown): EventIds {
  const told = Object.entries(body ?? {}).filter(
    ([name, value]) =>
      /^(sessionId|userId|chatMessageId)$/.test(name) &&
      typeof value === 'string' &&
      value !== '' &&
      value.isWellFormed(),
  );
  return Object.fromEntries(told);
}

function parse(body: unknown): { ok: true; event: TurnEvent } | Omit<Fault, 'ids'> {
  const decoded = decode(body);
  if (typeof decoded !== 'object' || decoded === null || Array.isArray(decoded))
    return invalid('body', kindOf(decoded === undefined ? body : decoded), 'a JSON object');
  const fields = decoded as Record<string, unknown>;
  const type = fields.eventType;
  if (typeof type !== 'string') return invalid('eventType', kindOf(type), '"message_completed"');
  if (type !== 'message_completed')
    return {
      ok: false,
      reason: 'UnexpectedEventType',
      description: `eventType is ${JSON.stringify(type.slice(0, 60))}, expected "message_completed"`,
    };
  for (const name of ['sessionId', 'userId', 'chatMessageId', 'completedAt'] as const) {
    const value = fields[name];
    if (typeof value !== 'string') return invalid(name, kindOf(value), 'a string');
    if (value.length === 0) return invalid(name, 'an empty string', 'a non-empty string');
    if (!value.isWellFormed()) return invalid(name, 'text with a lone surrogate', 'text that UTF-8 can hold');
  }
  const { sessionId, userId, chatMessageId, completedAt } = fields as Record<string, string>;
  const idFault = sessionIdFault(sessionId!);
  if (idFault) return { ok: false, reason: 'InvalidEvent', description: `sessionId ${idFault}` };
  const userBytes = Buffer.byteLength(userId!);
  if (userBytes > MAX_USER_BYTES)
    return invalid('userId', `${userBytes} bytes`, `at most ${MAX_USER_BYTES} (partition key)`);
  const completedAtMs = parseInstant(completedAt!);
  if (completedAtMs === undefined)
    return invalid(
      'completedAt',
      `text of ${completedAt!.length} characters that is no date`,
      'an ISO 8601 timestamp',
    );
  return {
    ok: true,
    event: {
      sessionId: sessionId!,
      userId: userId!,
      chatMessageId: chatMessageId!,
      completedAt: completedAt!,
      completedAtMs,
    },
  };
}

/** Why a text cannot be a Cosmos DB item id of a conversation, or undefined if it can. */
function sessionIdFault(id: string): string | undefined {
  const illegal = /[/\\?#]/.exec(id);
  if (illegal)
    return `contains "${illegal[0]}", expected none of / \\ ? # (not allowed in a Cosmos DB item id)`;
  // Its client throws for these, without a code, before anything is sent: it would look like an outage that never ends.
  if (id.trim() === '') return 'is only white space, which the client of Cosmos DB refuses';
  if (id === '.' || id === '..') return `is "${id}", which is a step in the URL of an item`;
  const bytes = Buffer.byteLength(id);
  if (bytes > MAX_ID_BYTES) return `has ${bytes} bytes, expected at most ${MAX_ID_BYTES} (Cosmos DB item id)`;
  if (id.startsWith(SEGMENT_PREFIX)) return `begins with "${SEGMENT_PREFIX}", which is reserved for pages`;
  return undefined;
}

function decode(body: unknown): unknown {
  if (body instanceof Uint8Array)
    return parseJson(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  if (typeof body === 'string') return parseJson(body);
  return body;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch {
    return undefined; // not JSON: reported by the caller, who knows what it was
  }
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Uint8Array) return `${value.byteLength} bytes that are no JSON`;
  if (typeof value === 'string') return `text of ${value.length} characters that is no JSON object`;
  return `a ${typeof value}`;
}

function invalid(field: string, found: string, expected: string): Omit<Fault, 'ids'> {
  return { ok: false, reason: 'InvalidEvent', description: `${field} is ${found}, expected ${expected}` };
}
