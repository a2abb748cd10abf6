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
