/** What a field of a protobuf message is. A nested message may refer to itself by a function. */
type Kind = 'text' | 'hex' | 'integer' | 'fixed64' | 'double' | 'truth' | Shape | (() => Shape);
type Shape = Readonly<Record<number, readonly [name: string, kind: Kind, repeated?: true]>>;

const anyValue = (): Shape => ({
  1: ['text', 'text'],
  2: ['truth', 'truth'],
  3: ['integer', 'integer'],
  4: ['double', 'double'],
  5: ['list', { 1: ['values', anyValue, true] }],
  6: ['map', { 1: ['entries', keyValue, true] }],
});
const keyValue = (): Shape => ({ 1: ['key', 'text'], 2: ['value', anyValue] });
const attributes = ['attributes', keyValue, true] as const;
const resource = ['resource', { 1: attributes }] as const;
const scope = ['scope', { 1: ['name', 'text'] }] as const;

/** A request of OTLP: whatever it brings stands in scopes, and these in resources. */
const requestOf = (item: Shape): Shape => ({
  1: ['resources', { 1: resource, 2: ['scopes', { 1: scope, 2: ['items', item, true] }, true] }, true],
});

/** From opentelemetry-proto, as far as the tests look. */
export const traceRequest = requestOf({
  1: ['traceId', 'hex'],
  2: ['spanId', 'hex'],
  4: ['parentSpanId', 'hex'],
  5: ['name', 'text'],
  6: ['kind', 'integer'],
  7: ['start', 'fixed64'],
  8: ['end', 'fixed64'],
  9: attributes,
  11: ['events', { 2: ['name', 'text'], 3: attributes }, true],
  13: ['links', { 1: ['traceId', 'hex'], 2: ['spanId', 'hex'] }, true],
  15: ['status', { 2: ['message', 'text'], 3: ['code', 'integer'] }],
});

export const logsRequest = requestOf({
  2: ['severityNumber', 'integer'],
  3: ['severityText', 'text'],
  5: ['body', anyValue],
  6: attributes,
  9: ['traceId', 'hex'],
  10: ['spanId', 'hex'],
});

const gauge = { 1: ['points', { 4: ['double', 'double'], 6: ['whole', 'fixed64'] }, true] } as const;

export const metricsRequest = requestOf({ 1: ['name', 'text'], 5: ['gauge', gauge] });

export type Decoded = { [name: string]: unknown };

/** Reads a protobuf message as far as its shape is given; unknown fields are passed over. Attributes become plain objects. */
export function decode(bytes: Buffer, shape: Shape): Decoded {
  const message: Decoded = {};
  let at = 0;
  const varint = (): bigint => {
    let result = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at]!;
      at += 1;
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return result;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    const field = shape[tag >>> 3];
    let raw: bigint | Buffer;
    if (wire === 0) raw = varint();
    else {
      const length = wire === 1 ? 8 : wire === 5 ? 4 : Number(varint());
      raw = bytes.subarray(at, at + length);
      at += length;
    }
    if (!field) continue;
    const [name, kind, repeated] = field;
    const value = fieldOf(raw, kind);
    if (repeated) message[name] = [...((message[name] as unknown[]) ?? []), value];
    else message[name] = value;
  }
  if (Array.isArray(message.attributes)) message.attributes = plain(message.attributes as Decoded[]);
  return message;
}

function fieldOf(raw: bigint | Buffer, kind: Kind): unknown {
  if (kind === 'truth') return raw !== 0n;
  if (kind === 'integer') return Number(BigInt.asIntN(64, raw as bigint));
  const bytes = raw as Buffer;
  if (kind === 'text') return bytes.toString('utf8');
  if (kind === 'hex') return bytes.toString('hex');
  if (kind === 'fixed64') return bytes.readBigUInt64LE();
  if (kind === 'double') return bytes.readDoubleLE();
  return decode(bytes, typeof kind === 'function' ? kind() : kind);
}

const plain = (entries: readonly Decoded[]): Decoded =>
  Object.fromEntries(entries.map(({ key, value }) => [key, anyOf(value as Decoded)]));

/** What an AnyValue holds. */
export function anyOf(value: Decoded | undefined): unknown {
  if (!value) return undefined;
  const { list, map, ...single } = value;
  if (list) return ((list as Decoded).values as Decoded[] | undefined)?.map(anyOf) ?? [];
  if (map) return plain(((map as Decoded).entries as Decoded[] | undefined) ?? []);
  return Object.values(single)[0];
}
