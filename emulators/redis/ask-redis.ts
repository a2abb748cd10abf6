import { once } from 'node:events';
import type { Socket } from 'node:net';

/**
 * Runs one command whose answer is a single line, such as `+OK`, on a connection of its own.
 * @throws Error with the server's error, or why the connection failed
 */
export async function askRedis(
  socket: Socket,
  user: { username: string; password: string },
  args: string[],
): Promise<string> {
  try {
    socket.write(encode(['AUTH', user.username, user.password]));
    socket.end(encode(args));
    let received = '';
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString();
    });
    await once(socket, 'end');
    const [authenticated = '', answer = ''] = received.split('\r\n');
    for (const line of [authenticated, answer])
      if (!line.startsWith('+')) throw new Error(`redis-server answered ${args[0]} with: ${line}`);
    return answer.slice(1);
  } finally {
    socket.destroy();
  }
}

function encode(args: string[]): Buffer {
  const bulks = args.map((argument) => `$${Buffer.byteLength(argument)}\r\n${argument}\r\n`);
  return Buffer.from(`*${args.length}\r\n${bulks.join('')}`);
}
