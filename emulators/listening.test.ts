import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { makeListening } from './listening.ts';

const HOST = '127.0.0.1';

async function listen() {
  const server = createServer((socket) => socket.end('here'));
  server.listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const listening = makeListening(server, HOST, port);
  onTestFinished(() => listening.end());
  return { port, listening };
}

/** What is heard there, or why nothing is. */
async function ask(port: number): Promise<string> {
  const socket = connect(port, HOST);
  try {
    const [heard] = await once(socket, 'data');
    return String(heard);
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    socket.destroy();
  }
}

/** Whether a connection of somebody's has its near end there, as the kernel has it. */
const isHeld = (port: number): boolean =>
  readFileSync('/proc/net/tcp', 'utf8').includes(
    `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')} 0100007F:`,
  );

test('a server that listens no more refuses, and listens again where it did, time and again', async () => {
  const { port, listening } = await listen();
  for (let time = 0; time < 3; time += 1) {
    expect(await ask(port)).toBe('here');
    await listening.set(false);
    expect(await ask(port)).toBe('ECONNREFUSED');
    await listening.set(true);
  }
  expect(await ask(port)).toBe('here');
});

test('of changes at once the last one holds', async () => {
  const { port, listening } = await listen();
  await Promise.all([false, true, true, false, false].map(listening.set));
  expect(await ask(port)).toBe('ECONNREFUSED');
  await Promise.all([listening.set(true), listening.end()]);
  await listening.set(true);
  expect(await ask(port)).toBe('ECONNREFUSED');
});

test.skipIf(!existsSync('/proc/net/tcp'))(
  'its port is held meanwhile, so that nobody who asks for any port is given it',
  async () => {
    const { port, listening } = await listen();
    expect(isHeld(port)).toBe(false);
    await listening.set(false);
    expect(isHeld(port)).toBe(true);
    await listening.end();
    expect(isHeld(port)).toBe(false);
  },
);
