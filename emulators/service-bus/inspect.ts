import { Entity } from './entity.ts';
import { type Content, decodeContent, readMessage } from './messages.ts';
import { message as amqpMessage } from './rhea-internals.ts';
import type { Topic } from './topic.ts';

export type InspectedMessage = {
  sequenceNumber: number;
  state: 'active' | 'locked' | 'deferred' | 'scheduled';
  deliveryCount: number;
  messageId: unknown;
  sessionId: string | undefined;
  subject: unknown;
  correlationId: unknown;
  /** JSON is parsed; other data is text. */
  body: unknown;
  applicationProperties: Record<string, unknown>;
  deadLetterReason: unknown;
  deadLetterErrorDescription: unknown;
};

export type NewMessage = {
  body: unknown;
  messageId?: string;
  sessionId?: string;
  subject?: string;
  correlationId?: string;
  applicationProperties?: Record<string, string | number | boolean>;
  timeToLiveMs?: number;
};

/** A look at an entity from within the process, for tests; and a way to fill it without a client. */
export function inspect(entity: Entity | Topic) {
  return {
    peek: (): InspectedMessage[] => (entity instanceof Entity ? listed(entity) : scheduled(entity)),
    deadLetters: (): InspectedMessage[] =>
      entity instanceof Entity && entity.deadLetters ? listed(entity.deadLetters) : [],
    send(messages: NewMessage[]): void {
      for (const message of messages) {
        const content = readMessage(encode(message));
        entity.check(content);
        entity.send(content);
      }
    },
    counters: () => entity.counters(),
  };
}

function listed(entity: Entity): InspectedMessage[] {
  const stored = entity.messages.peek(1, Number.POSITIVE_INFINITY).map((message) => ({
    ...describe(message.content),
    sequenceNumber: message.sequence,
    state: message.lock
      ? ('locked' as const)
      : message.deferred
        ? ('deferred' as const)
        : ('active' as const),
    deliveryCount: message.deliveryCount,
  }));
  return [...stored, ...scheduled(entity)];
}

function scheduled(entity: Entity | Topic): InspectedMessage[] {
  return entity.scheduled.from(0).map(({ sequence, content }) => ({
    ...describe(content),
    sequenceNumber: sequence,
    state: 'scheduled' as const,
    deliveryCount: 0,
  }));
}

function describe(content: Content) {
  const decoded = decodeContent(content);
  const properties = (decoded.application_properties ?? {}) as Record<string, unknown>;
  return {
    messageId: content.messageId,
    sessionId: content.sessionId,
    subject: decoded.subject,
    correlationId: decoded.correlation_id,
    body: readBody(decoded.body),
    applicationProperties: properties,
    deadLetterReason: properties.DeadLetterReason,
    deadLetterErrorDescription: properties.DeadLetterErrorDescription,
  };
}

function readBody(body: unknown): unknown {
  const data = (body as { content?: unknown } | null)?.content;
  if (!Buffer.isBuffer(data)) return data ?? body;
  const text = data.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function encode(message: NewMessage): Buffer {
  return amqpMessage.encode({
    ...(message.timeToLiveMs === undefined ? {} : { ttl: message.timeToLiveMs }),
    ...(message.messageId === undefined ? {} : { message_id: message.messageId }),
    ...(message.sessionId === undefined ? {} : { group_id: message.sessionId }),
    ...(message.subject === undefined ? {} : { subject: message.subject }),
    ...(message.correlationId === undefined ? {} : { correlation_id: message.correlationId }),
    application_properties: message.applicationProperties ?? {},
    body: amqpMessage.data_section(Buffer.from(JSON.stringify(message.body))),
  });
}
