export type Reply =
  | { kind: 'simple' | 'error'; text: string }
  | { kind: 'integer'; value: number }
  | { kind: 'bulk'; value: Buffer }
  | { kind: 'nil' }
  | { kind: 'array'; items: Reply[] }
  | { kind: 'map'; entries: [Reply, Reply][] };

export const simple = (text: string): Reply => ({ kind: 'simple', text });
export const error = (text: string): Reply => ({ kind: 'error', text });
export const integer = (value: number): Reply => ({ kind: 'integer', value });
export const bulk = (value: Buffer | string): Reply => ({
  kind: 'bulk',
  value: typeof value === 'string' ? Buffer.from(value) : value,
});
export const array = (items: Reply[]): Reply => ({ kind: 'array', items });
export const nil: Reply = { kind: 'nil' };
export const ok = simple('OK');

/** The bytes of a reply in the protocol version that the connection has chosen with HELLO. */
export function encodeReply(reply: Reply, protocol: 2 | 3): Buffer[] {
  switch (reply.kind) {
    case 'simple':
      return [Buffer.from(`+${reply.text}\r\n`)];
    case 'error':
      // A line break would end the reply early: an error may quote what a client sent.
      return [Buffer.from(`-${reply.text.replace(/[\r\n]/g, ' ')}\r\n`)];
    case 'integer':
      return [Buffer.from(`:${reply.value}\r\n`)];
    case 'bulk':
      return [Buffer.from(`$${reply.value.length}\r\n`), reply.value, Buffer.from('\r\n')];
    case 'nil':
      return [Buffer.from(protocol === 3 ? '_\r\n' : '$-1\r\n')];
    case 'array':
      return [
        Buffer.from(`*${reply.items.length}\r\n`),
        ...reply.items.flatMap((item) => encodeReply(item, protocol)),
      ];
    case 'map': {
      const start = protocol === 3 ? `%${reply.entries.length}` : `*${reply.entries.length * 2}`;
      return [
        Buffer.from(`${start}\r\n`),
        ...reply.entries.flat().flatMap((item) => encodeReply(item, protocol)),
      ];
    }
  }
}
