import { randomUUID } from 'node:crypto';
import { findSections, type Section, valueBytes } from './message-sections.ts';
import { Refusal } from './refusal.ts';
import { message as amqpMessage, types } from './rhea-internals.ts';

/**
 * What a client sent, kept as the bytes that came: rhea's decoding and encoding would lose the types of numbers and
 * costs more than everything else in a delivery. Only the few fields that the broker itself needs are decoded.
 */
export type Content = {
  readonly durable: boolean;
  readonly priority: number | undefined;
  readonly ttlMs: number | undefined;
  /** Encoded keys and values of the sender's own message annotations, without those that the broker sets. */
  readonly annotations: Buffer;
  readonly annotationCount: number;
  readonly messageId: unknown;
  readonly sessionId: string | undefined;
  readonly scheduledFor: number | undefined;
  /** From the properties section to the end. */
  readonly bare: Buffer;
};

const BATCH_FORMAT = 0x80013700;
const [HEADER, ANNOTATIONS, PROPERTIES, APPLICATION, DATA] = [0x70, 0x72, 0x73, 0x74, 0x75];
const setByBroker = new Set([
  'x-opt-sequence-number',
  'x-opt-enqueue-sequence-number',
  'x-opt-enqueued-time',
  'x-opt-locked-until',
  'x-opt-message-state',
]);
const nothing = Buffer.alloc(0);

/** The messages of a transfer: one, or those of a batch, whose data sections each hold an encoded message. */
export function readTransfer(bytes: Buffer, format: number | undefined): Content[] {
  if (format !== BATCH_FORMAT) return [readMessage(bytes)];
  return findSections(bytes)
    .filter((section) => section.code === DATA)
    .map((section) => readMessage(valueBytes(bytes, section)));
}

/** @throws Refusal for what cannot be decoded of all that the broker will ever have to read: everything but the body */
export function readMessage(bytes: Buffer): Content {
  const sections = findSections(bytes);
  const named = (code: number): Section | undefined => sections.find((section) => section.code === code);
  const header = decode(bytes, named(HEADER));
  const properties = decode(bytes, named(PROPERTIES));
  const annotations = readAnnotations(bytes, named(ANNOTATIONS));
  checkMap(bytes, named(APPLICATION));
  const start = sections.find((section) => section.code >= PROPERTIES)?.start ?? bytes.length;
  let bare = bytes.subarray(start);
  let messageId: unknown = properties.message_id;
  if (messageId === undefined) {
    // The client keys its lock renewals by message id and throws without one.
    messageId = randomUUID().replaceAll('-', '');
    const old = named(PROPERTIES);
    const fields = old ? knownProperties(properties) : {};
    bare = Buffer.concat([
      encode(amqpMessage.properties({ ...fields, message_id: messageId }).described()),
      bytes.subarray(old ? old.end : start),
    ]);
  }
  return {
    durable: header.durable === true,
    priority: header.priority as number | undefined,
    ttlMs: header.ttl as number | undefined,
    ...annotations,
    messageId,
    sessionId: properties.group_id as string | undefined,
    bare,
  };
}

/** A copy with more application properties; those that are there keep their types. */
export function withApplicationProperties(content: Content, more: Record<string, unknown>): Content {
  if (Object.keys(more).length === 0) return content;
  const sections = findSections(content.bare);
  const old = sections.find((section) => section.code === APPLICATION);
  const entries: unknown[] = [];
  if (old) {
    const map = new types.Reader(content.bare.subarray(old.start, old.end)).read().value as {
      value: unknown;
    }[];
    for (let at = 0; at < map.length; at += 2)
      if (!Object.hasOwn(more, String(map[at]!.value))) entries.push(map[at], map[at + 1]);
  }
  for (const [key, value] of Object.entries(more)) entries.push(types.wrap_string(key), types.wrap(value));
  const map = types.wrap_map({});
  map.value = entries;
  const section = encode(types.described_nc(types.wrap_ulong(APPLICATION), map));
  const after = sections.find((one) => one.code > APPLICATION)?.start ?? content.bare.length;
  const before = old?.start ?? after;
  return {
    ...content,
    bare: Buffer.concat([content.bare.subarray(0, before), section, content.bare.subarray(after)]),
  };
}

/** The whole message as rhea decodes it: properties by name, application_properties, body. For inspection. */
export function decodeContent(content: Content): Record<string, unknown> {
  return amqpMessage.decode(content.bare) as unknown as Record<string, unknown>;
}

/** The same without the body, for rules: nobody but its receivers has to understand that. */
export function decodeProperties({ bare }: Content): Record<string, unknown> {
  const body = findSections(bare).find(({ code }) => code > APPLICATION);
  return amqpMessage.decode(bare.subarray(0, body?.start)) as unknown as Record<string, unknown>;
}

function decode(bytes: Buffer, section: Section | undefined): Record<string, unknown> {
  if (!section) return {};
  return understood(() =>
    amqpMessage.decode(bytes.subarray(section.start, section.end)),
  ) as unknown as Record<string, unknown>;
}

function checkMap(bytes: Buffer, section: Section | undefined): void {
  if (!section) return;
  const read = understood(() => new types.Reader(bytes.subarray(section.start, section.end)).read().value);
  // A map's constructor; of another list of things the keys would be read from anything.
  if (![0xc1, 0xd1].includes(bytes[section.value]!) || (read as unknown[]).length % 2 !== 0)
    throw new Refusal('amqp:decode-error', 'Not a message: a section that has to be a map is none.');
}

/** @throws Refusal for what rhea cannot decode: it is the sender's, and must not cost the connection */
export function understood<T>(decoding: () => T): T {
  try {
    return decoding();
  } catch (error) {
    throw new Refusal('amqp:decode-error', `Not a message: ${(error as Error).message}`);
  }
}

function knownProperties(decoded: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(decoded).filter(([, value]) => typeof value !== 'function'));
}

function readAnnotations(
  bytes: Buffer,
  section: Section | undefined,
): Pick<Content, 'annotations' | 'annotationCount' | 'scheduledFor'> {
  if (!section) return { annotations: nothing, annotationCount: 0, scheduledFor: undefined };
  checkMap(bytes, section);
  const map = understood(() => new types.Reader(bytes.subarray(section.start, section.end)).read().value) as {
    value: unknown;
  }[];
  const writer = new types.Writer();
  let annotationCount = 0;
  let scheduledFor: number | undefined;
  for (let at = 0; at < map.length; at += 2) {
    const key = String(map[at]!.value);
    const value = map[at + 1]!;
    if (key === 'x-opt-scheduled-enqueue-time' && value.value !== null)
      scheduledFor = new Date(value.value as Date | number).getTime();
    if (setByBroker.has(key)) continue;
    writer.write(map[at]);
    writer.write(value);
    annotationCount++;
  }
  return { annotations: annotationCount > 0 ? writer.toBuffer() : nothing, annotationCount, scheduledFor };
}

function encode(section: unknown): Buffer {
  const writer = new types.Writer();
  writer.write(section);
  return writer.toBuffer();
}
