/** Limits of redis-server itself: proto-max-bulk-len, PROTO_INLINE_MAX_SIZE, and the lower ones before AUTH. */
const MAX_BULK_BYTES = 512 * 1024 * 1024;
const MAX_LINE_BYTES = 64 * 1024;
const MAX_ARGUMENTS = 1024 * 1024;
const MAX_ARGUMENTS_BEFORE_AUTH = 10;
const MAX_BULK_BYTES_BEFORE_AUTH = 16 * 1024;

/** What a client sent is not the protocol; the connection is to be closed with the message. */
export class ProtocolError extends Error {}

export type CommandParser = {
  /**
   * Takes in the next bytes, calling back for every command that they complete.
   * @throws ProtocolError for bytes that are no commands, or too many
   */
  push(chunk: Buffer): void;
};

/**
 * Reads commands (RESP arrays of bulk strings, or inline text) from a stream of bytes that may be cut anywhere. Nothing
 * is allocated on the strength of a length that the client merely announces.
 */
export function makeCommandParser(
  onCommand: (args: Buffer[]) => void,
  isAuthenticated: () => boolean = () => true,
): CommandParser {
  let line: Buffer = Buffer.alloc(0);
  let args: Buffer[] = [];
  let awaitedArgs = 0;
  // Of the bulk string being read: the bytes had so far, and how many are awaited with its CR LF; -1 between strings.
  let parts: Buffer[] = [];
  let awaitedBytes = -1;
  let commandBytes = 0;

  function takeLine(text: string): void {
    if (awaitedArgs > 0) {
      const limit = isAuthenticated() ? MAX_BULK_BYTES : MAX_BULK_BYTES_BEFORE_AUTH;
      if (text[0] !== '$') throw new ProtocolError(`Protocol error: expected '$', got '${text[0] ?? ''}'`);
      const length = readLength(text, limit);
      commandBytes += length ?? 0;
      if (length === undefined || length < 0 || commandBytes > MAX_BULK_BYTES)
        throw new ProtocolError('Protocol error: invalid bulk length');
      awaitedBytes = length + 2;
    } else if (text[0] === '*') {
      const count = readLength(text, isAuthenticated() ? MAX_ARGUMENTS : MAX_ARGUMENTS_BEFORE_AUTH);
      if (count === undefined) throw new ProtocolError('Protocol error: invalid multibulk length');
      awaitedArgs = Math.max(0, count);
      commandBytes = 0;
    } else {
      const words = text.split(/\s+/).filter((word) => word !== '');
      if (words.length > 0) onCommand(words.map((word) => Buffer.from(word, 'latin1')));
    }
  }

  function takeBulk(chunk: Buffer): number {
    const taken = chunk.subarray(0, awaitedBytes);
    parts.push(taken);
    awaitedBytes -= taken.length;
    if (awaitedBytes > 0) return taken.length;
    const bulk = parts.length === 1 ? taken : Buffer.concat(parts);
    args.push(bulk.subarray(0, -2));
    parts = [];
    awaitedBytes = -1;
    awaitedArgs -= 1;
    if (awaitedArgs === 0) {
      const command = args;
      args = [];
      onCommand(command);
    }
    return taken.length;
  }

  return {
    push(chunk) {
      let rest = chunk;
      while (rest.length > 0) {
        if (awaitedBytes >= 0) {
          rest = rest.subarray(takeBulk(rest));
          continue;
        }
        const end = rest.indexOf(10);
        const piece = end < 0 ? rest : rest.subarray(0, end);
        if (line.length + piece.length > MAX_LINE_BYTES)
          throw new ProtocolError('Protocol error: too big inline request');
        line = line.length === 0 ? piece : Buffer.concat([line, piece]);
        if (end < 0) return;
        const text = line.toString('latin1').replace(/\r$/, '');
        line = Buffer.alloc(0);
        rest = rest.subarray(end + 1);
        takeLine(text);
      }
    },
  };
}

function readLength(text: string, limit: number): number | undefined {
  if (!/^.-?\d{1,10}$/.test(text)) return undefined;
  const length = Number(text.slice(1));
  return length <= limit ? length : undefined;
}
