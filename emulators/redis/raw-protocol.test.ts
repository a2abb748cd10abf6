import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { findRedisServer, startRedis } from './index.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

/** Sends pieces one packet after another, half-closes, and returns all that was answered. */
async function exchange(port: number, pieces: (string | Buffer)[]): Promise<string> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
  });
  const ended = once(socket, 'close');
  // A server may close on us while we still write: what it said before is the result.
  socket.on('error', () => socket.destroy());
  for (const piece of pieces)
    await new Promise<void>((resolve) => socket.write(piece, () => setImmediate(resolve)));
  socket.end();
  await ended;
  return received;
}

for (const server of ['ours', 'real'] as const) {
  const isAbsent = server === 'real' && findRedisServer() === undefined;
  const title = server === 'ours' ? 'our server' : 'redis-server';
  describe.skipIf(isAbsent)(isAbsent ? `${title} (not on the PATH)` : title, () => {
    async function start(options = {}) {
      const redis = await startRedis({ server, ...options });
      cleanUp.push(() => redis.close());
      return redis.port;
    }

    test('reads commands that are cut anywhere, byte by byte', async () => {
      const bytes = [
        ...Buffer.from('*3\r\n$3\r\nSET\r\n$2\r\nk\n\r\n$5\r\na\r\n\0b\r\n*2\r\n$3\r\nGET\r\n$2\r\nk\n\r\n'),
      ];
      expect(
        await exchange(
          await start(),
          bytes.map((byte) => Buffer.from([byte])),
        ),
      ).toBe('+OK\r\n$5\r\na\r\n\0b\r\n');
    });

    test('reads inline commands, and ends with QUIT', async () => {
      expect(await exchange(await start(), ['PING\r\nSET a 1\r\nGET a\nQUIT\r\nPING\r\n'])).toBe(
        '+PONG\r\n+OK\r\n$1\r\n1\r\n+OK\r\n',
      );
    });

    test.each([
      ['*1\r\n$99999999999\r\n', 'invalid bulk length'],
      ['*1\r\n$-5\r\n', 'invalid bulk length'],
      ['*9999999999\r\n', 'invalid multibulk length'],
      ['*x\r\n', 'invalid multibulk length'],
      ['*1\r\n:1\r\n', "expected '$'"],
      ['x'.repeat(100_000), 'too big inline request'],
    ])('refuses what is not the protocol, and closes (%#)', async (bytes, message) => {
      expect(await exchange(await start(), [bytes])).toContain(`-ERR Protocol error: ${message}`);
    });

    // Each as redis-server 7 answers it.
    test.each([
      ['s 0 4', '$5\r\nHello'],
      ['s 0 0', '$1\r\nH'],
      ['s -5 -1', '$5\r\nworld'],
      ['s 6 -1', '$5\r\nworld'],
      ['s 0 -1', '$11\r\nHello world'],
      ['s -100 4', '$5\r\nHello'],
      ['s -100 -90', '$1\r\nH'],
      ['s -90 -100', '$0\r\n'],
      ['s 6 100', '$5\r\nworld'],
      ['s 0 9223372036854775807', '$11\r\nHello world'],
      ['s -9223372036854775808 -1', '$11\r\nHello world'],
      ['s 10 10', '$1\r\nd'],
      ['s 11 20', '$0\r\n'],
      ['s 5 2', '$0\r\n'],
      ['s -1 -5', '$0\r\n'],
      ['empty 0 -1', '$0\r\n'],
      ['empty -1 0', '$0\r\n'],
      ['missing 0 -1', '$0\r\n'],
      ['list 0 -1', '-WRONGTYPE Operation against a key holding the wrong kind of value'],
      ['list a 1', '-ERR value is not an integer or out of range'],
      ['missing 0 x', '-ERR value is not an integer or out of range'],
      ['s 00 1', '-ERR value is not an integer or out of range'],
      ['s -0 1', '-ERR value is not an integer or out of range'],
      ['s +1 2', '-ERR value is not an integer or out of range'],
      ['s 1.0 2', '-ERR value is not an integer or out of range'],
      ['s 0 9223372036854775808', '-ERR value is not an integer or out of range'],
      ['s 0', "-ERR wrong number of arguments for 'getrange' command"],
    ])('GETRANGE %s', async (args, expected) => {
      const values =
        '*3\r\n$3\r\nSET\r\n$1\r\ns\r\n$11\r\nHello world\r\n*3\r\n$3\r\nSET\r\n$5\r\nempty\r\n$0\r\n\r\nRPUSH list a\r\n';
      expect(await exchange(await start(), [`${values}GETRANGE ${args}\r\n`])).toBe(
        `+OK\r\n+OK\r\n:1\r\n${expected}\r\n`,
      );
    });

    test('tells the length of a string and whether keys are there', async () => {
      const commands = [
        'SET s 12345',
        'RPUSH list a',
        'STRLEN s',
        'STRLEN missing',
        'STRLEN list',
        'EXISTS s',
        'EXISTS missing',
        'EXISTS s s list missing',
        'EXISTS',
      ];
      expect(await exchange(await start(), [`${commands.join('\r\n')}\r\n`])).toBe(
        [
          '+OK',
          ':1',
          ':5',
          ':0',
          '-WRONGTYPE Operation against a key holding the wrong kind of value',
          ':1',
          ':0',
          ':3',
          "-ERR wrong number of arguments for 'exists' command",
          '',
        ].join('\r\n'),
      );
    });

    test('takes little from strangers', async () => {
      const port = await start({ password: 'secret' });
      expect(await exchange(port, ['*11\r\n'])).toContain('multibulk length');
      expect(await exchange(port, ['*2\r\n$4\r\nAUTH\r\n$20000\r\n'])).toContain('bulk length');
      expect(await exchange(port, ['GET a\r\nPING\r\n'])).toBe(
        '-NOAUTH Authentication required.\r\n-NOAUTH Authentication required.\r\n',
      );
    });
  });
}
