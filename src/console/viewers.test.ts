import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { makeViewers, type Viewers } from './viewers.ts';

/** A server that takes everybody as a viewer. */
async function serving(viewers: Viewers, isLetIn = () => true) {
  const server = createServer((_, response: ServerResponse) => {
    if (!viewers.add(response, isLetIn, [{ event: 'hello', data: { text: 'a\nb' } }]))
      response.writeHead(503).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return async () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await expect.poll(() => text).toContain('\r\n\r\n');
    return { socket, text: () => text };
  };
}

test('all are told the same, those who come later from the beginning, and no more than there may be', async () => {
  const viewers = makeViewers(2);
  const join = await serving(viewers);
  const [one, other] = [await join(), await join()];
  await expect.poll(() => viewers.count).toBe(2);
  viewers.tell({ event: 'sample', data: [1] }, { event: 'status', data: null });
  for (const { text } of [one, other]) {
    await expect.poll(text).toContain('event: hello\ndata: {"text":"a\\nb"}\n\n');
    await expect.poll(text).toContain('event: sample\ndata: [1]\n\nevent: status\ndata: null\n\n');
  }
  expect((await join()).text()).toContain('503');
  one.socket.destroy();
  await expect.poll(() => viewers.count).toBe(1);
  expect((await join()).text()).toContain('200 OK');
});

test('who does not take what is sent is dropped, and the others hear on', async () => {
  const viewers = makeViewers(2);
  const join = await serving(viewers);
  const [slow, quick] = [await join(), await join()];
  slow.socket.pause();
  const closed = once(slow.socket, 'close');
  const data = 'x'.repeat(400_000);
  for (let sent = 0; sent < 100 && viewers.count === 2; sent += 1) {
    viewers.tell({ event: 'sample', data });
    await new Promise((resolve) => setImmediate(resolve));
    await expect.poll(() => quick.text().length).toBeGreaterThan((sent + 1) * data.length);
  }
  expect(viewers.count).toBe(1);
  slow.socket.resume();
  await closed;
  viewers.tell({ event: 'last', data: 1 });
  await expect.poll(() => quick.text()).toContain('event: last');
});

test('who is let in no longer is told nothing more', async () => {
  const viewers = makeViewers(1);
  let isLetIn = true;
  const viewer = await (await serving(viewers, () => isLetIn))();
  isLetIn = false;
  viewers.tell({ event: 'sample', data: 'secret' });
  await once(viewer.socket, 'end');
  expect(viewer.text()).not.toContain('secret');
  await expect.poll(() => viewers.count).toBe(0);
});

test('all end when it closes', async () => {
  const viewers = makeViewers(2);
  const join = await serving(viewers);
  const ends = [await join(), await join()].map(({ socket }) => once(socket, 'end'));
  viewers.close();
  await Promise.all(ends);
});
