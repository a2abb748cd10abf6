import { Refusal } from './refusal.ts';

/** A section of an encoded message: header 0x70, annotations 0x71 and 0x72, properties 0x73, ... footer 0x78. */
export type Section = {
  readonly code: number;
  readonly start: number;
  readonly value: number;
  readonly end: number;
};

/**
 * Where the sections lie (AMQP 1.0, 3.2): each is a described value, of which only the descriptor and the length are
 * read. The upper half of a constructor byte tells how long the value is (1.2).
 */
export function findSections(bytes: Buffer): Section[] {
  const sections: Section[] = [];
  let at = 0;
  try {
    while (at < bytes.length) {
      const start = at;
      if (bytes[at] !== 0) throw new RangeError('a section does not begin with a descriptor');
      const wide = bytes[at + 1] === 0x80;
      if (!wide && bytes[at + 1] !== 0x53) throw new RangeError('a descriptor is not a ulong');
      const code = wide ? bytes.readUInt32BE(at + 6) : bytes.readUInt8(at + 2);
      const value = at + (wide ? 10 : 3);
      at = value + 1 + valueLength(bytes, value);
      if (at > bytes.length) throw new RangeError('a section is cut off');
      sections.push({ code, start, value, end: at });
    }
  } catch (error) {
    if (error instanceof RangeError)
      throw new Refusal('amqp:decode-error', `Not a message: ${error.message}`);
    throw error;
  }
  return sections;
}

/** The content of a binary section, such as the data of a body. */
export function valueBytes(bytes: Buffer, section: Section): Buffer {
  const lengthBytes = bytes.readUInt8(section.value) >> 4 === 0xa ? 1 : 4;
  return bytes.subarray(section.value + 1 + lengthBytes, section.end);
}

function valueLength(bytes: Buffer, constructorAt: number): number {
  const kind = bytes.readUInt8(constructorAt) >> 4;
  if (kind >= 4 && kind <= 9) return [0, 1, 2, 4, 8, 16][kind - 4]!;
  if (kind < 4) throw new RangeError('a section holds a value of an unknown kind');
  // Variable, compound and array values: an even kind counts its bytes in one byte, an odd one in four.
  return kind % 2 === 0 ? 1 + bytes.readUInt8(constructorAt + 1) : 4 + bytes.readUInt32BE(constructorAt + 1);
}
