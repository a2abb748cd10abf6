import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Failure } from '../pipeline/failures.ts';
import type { Log } from '../pipeline/ports.ts';
import { type Answer, type Answers, startHealthServer } from './health-server.ts';

const nothing = (): void => undefined;
const log: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const place = { host: '127.0.0.1', port: 0, isAnyPortGood: false };

async function serving(
  answers: Answers = { '/livez': () => ({ status: 200, type: 'text/plain', body: 'yes' }) },
) {
  const server = await startHealthServer(place, answers, log);
  onTestFinished(server.close);
  const port = Number(new URL(server.url).port);
  return {
    ...server,
    port,
    /** A raw connection; what has come over it so far. */
    async dial(): Promise<{ socket: Socket; text: () => string; closed: Promise<unknown> }> {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', nothing);
      let text = '';
      socket.on('data', (chunk) => {
        text += String(chunk);
      });
      onTestFinished(() => void socket.destroy());
      // Not by events.once, which an error on the way rejects.
      const closed = new Promise<unknown>((resolve) => socket.once('close', resolve));
      await once(socket, 'connect');
      return { socket, text: () => text, closed };
    },
    /** It still answers. */
    async isThere(): Promise<boolean> {
      return (await (await fetch(`${server.url}/livez`)).text()) === 'yes';
    },
  };
}

test('known paths are answered, also with a query, and to HEAD without the body', async () => {
  const { url } = await serving();
  const full = await fetch(`${url}/livez?verbose=1`);
  expect(full.status).toBe(200);
  expect(await full.text()).toBe('yes');
  expect(full.headers.get('cache-control')).toBe('no-store');
  const head = await fetch(`${url}/livez`, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '3', '']);
});

test.each(['/', '/livez/', '/LIVEZ', '//livez', '/../livez/..', '/%2e%2e/livez', '/toString', '/__proto__'])(
  'any other path is 404: %s',
  async (path) => {
    const { port } = await serving();
    const status = await new Promise((resolve, reject) => {
      request({ port, path }, (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(404);
  },
);

test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'])('%s is 405', async (method) => {
  const { port } = await serving();
  const response = await new Promise<{ statusCode?: number; headers: Record<string, unknown> }>(
    (resolve, reject) => {
      request({ port, path: '/livez', method }, (answer) => resolve(answer.resume() as never))
        .on('error', reject)
        .end();
    },
  );
  expect(response.statusCode).toBe(405);
  expect(response.headers.allow).toBe('GET, HEAD');
});

test('an answer that cannot be found is 500 and says no more; the next one is found', async () => {
  let isBroken = true;
  const { url } = await serving({
    '/metrics': () => {
      if (isBroken) throw new Error('a secret');
      return { status: 200, type: 'text/plain', body: 'fine' };
    },
  });
  const response = await fetch(`${url}/metrics`);
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain('secret');
  isBroken = false;
  expect((await fetch(`${url}/metrics`)).status).toBe(200);
});

test('of a request that cannot be answered the log has the path, and nothing of what stands behind it', async () => {
  const lines: unknown[] = [];
  const failing = (): never => {
    throw new Error('away');
  };
  const server = await startHealthServer(
    place,
    { '/metrics': failing },
    { ...log, warn: (fields) => void lines.push(fields) },
  );
  onTestFinished(server.close);
  const { status } = await fetch(`${server.url}/metrics?token=secret`);
  expect([status, lines]).toEqual([500, [{ path: '/metrics', reason: 'away' }]]);
});

describe('hostile input', () => {
  test('no body of a request is read or asked for: the answer comes at once and the connection ends', async () => {
    const { dial, isThere } = await serving();
    const endless = await dial();
    endless.socket.write('POST /livez HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    let sent = 0;
    const pushing = setInterval(() => {
      sent += 1;
      endless.socket.write(chunk);
    }, 1);
    onTestFinished(() => clearInterval(pushing));
    await endless.closed;
    expect(endless.text()).toMatch(/^HTTP\/1\.1 405 /);
    expect(sent).toBeLessThan(500);
    for (const expecting of ['', 'expect: 100-continue\r\n']) {
      const one = await dial();
      one.socket.write(`GET /livez HTTP/1.1\r\nhost: x\r\n${expecting}content-length: 1000\r\n\r\n`);
      await one.closed;
      // In the first answer: one to a request that was too slow would follow.
      expect(one.text().split('\r\n\r\n', 1)[0]).toMatch(/^HTTP\/1\.1 200 .*connection: close/is);
    }
    expect(await isThere()).toBe(true);
  });

  test('heads that are too large or none are refused', async () => {
    const { dial, isThere } = await serving();
    const large = await dial();
    large.socket.write(`GET /livez HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(10_000)}\r\n\r\n`);
    await large.closed;
    expect(large.text()).toMatch(/^HTTP\/1\.1 431 /);
    const garbage = await dial();
    garbage.socket.write(Buffer.from([0x16, 0x03, 0x01, 0x00, 0xff, 0x00]));
    await garbage.closed;
    expect(garbage.text()).toMatch(/^HTTP\/1\.1 400 /);
    expect(await isThere()).toBe(true);
  });

  test('who is slow, or says nothing, is shown the door', async () => {
    const { dial, isThere } = await serving();
    const [slow, silent] = await Promise.all([dial(), dial()]);
    const dripping = setInterval(() => slow.socket.write('x'), 500);
    onTestFinished(() => clearInterval(dripping));
    slow.socket.write('GET /livez HTTP/1.1\r\nhost: ');
    const startedMs = performance.now();
    await Promise.all([slow.closed, silent.closed]);
    expect(performance.now() - startedMs).toBeLessThan(12_000);
    expect(slow.text()).toMatch(/^HTTP\/1\.1 408 /);
    expect(await isThere()).toBe(true);
  });

  test('a crowd that holds its connections makes way for a probe, and does not cut off who is being answered', async () => {
    let give = (_body: string): void => undefined;
    const slow = new Promise<string>((resolve) => {
      give = resolve;
    });
    const as = (body: string) => ({ status: 200, type: 'text/plain', body });
    let isAsked = false;
    const { url, dial, isThere } = await serving({
      '/livez': () => as('yes'),
      '/slow': async () => {
        isAsked = true;
        return as(await slow);
      },
    });
    const answered = fetch(`${url}/slow`);
    await expect.poll(() => isAsked).toBe(true);
    const crowd = await Promise.all(Array.from({ length: 150 }, dial));
    const open = (): number => crowd.filter(({ socket }) => !socket.destroyed).length;
    await expect.poll(open).toBeLessThanOrEqual(100);
    expect(await isThere()).toBe(true);
    expect(open()).toBeGreaterThan(90);
    give('slow');
    expect(await (await answered).text()).toBe('slow');
  });

  test('a crowd that is being answered, and does not let it end, makes way too', async () => {
    const never = new Promise<Answer>(() => undefined);
    let asked = 0;
    const { dial, isThere } = await serving({
      '/livez': () => ({ status: 200, type: 'text/plain', body: 'yes' }),
      '/slow': () => {
        asked += 1;
        return never;
      },
    });
    for (let index = 1; index <= 100; index += 1) {
      const one = await dial();
      one.socket.write('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n');
      await expect.poll(() => asked, { interval: 1 }).toBe(index);
    }
    expect(await isThere()).toBe(true);
  });

  test('who asks for another protocol gets the answer in this one', async () => {
    const { dial } = await serving();
    const upgrading = await dial();
    upgrading.socket.write(
      'GET /livez HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
    );
    await expect.poll(upgrading.text).toMatch(/^HTTP\/1\.1 200 .*yes$/s);
  });
});

describe('the port', () => {
  test('that is taken is refused by the variable’s name, and given way to only where nobody chose it', async () => {
    const { port } = await serving();
    const refused = startHealthServer({ ...place, port }, {}, log);
    await expect(refused).rejects.toMatchObject({
      code: 'HealthUnavailable',
      message: expect.stringContaining(`HEALTH_PORT is ${port}, which is taken`),
    } satisfies Partial<Failure>);
    const warned: unknown[] = [];
    const other = await startHealthServer(
      { ...place, port, isAnyPortGood: true },
      {},
      { ...log, warn: (fields) => void warned.push(fields) },
    );
    onTestFinished(other.close);
    expect(other.url).not.toContain(`:${port}`);
    expect(warned).toEqual([{ code: 'HealthUnavailable', port }]);
  });

  test('of an address that is none of this machine names the other variable', async () => {
    const refused = startHealthServer({ ...place, host: '192.0.2.1', isAnyPortGood: true }, {}, log);
    await expect(refused).rejects.toThrow(/^HEALTH_HOST is 192\.0\.2\.1/);
  });

  const hasIpv6 = Object.values(networkInterfaces())
    .flat()
    .some((one) => one?.address === '::1');
  test.runIf(hasIpv6)('of the IPv6 loopback makes an address that can be asked', async () => {
    const server = await startHealthServer(
      { ...place, host: '::1' },
      { '/livez': () => ({ status: 200, type: 'text/plain', body: 'yes' }) },
      log,
    );
    onTestFinished(server.close);
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
  });

  test('closes at once, also with somebody on it', async () => {
    const server = await startHealthServer(place, {}, log);
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    await server.close();
    await closed;
  });
});
