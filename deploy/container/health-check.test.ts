import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';

async function check(environment: Record<string, string>) {
  const child = spawn(process.execPath, ['src/health-check.ts'], { env: { ...environment } });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      printed += String(chunk);
    });
  const [code] = await once(child, 'close');
  return { code, printed };
}

async function listen(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return String((server.address() as AddressInfo).port);
}

test('asks /livez on loopback, also where the worker listens on every address', async () => {
  const asked: (string | undefined)[] = [];
  const port = await listen(({ url }, answer) => {
    asked.push(url);
    answer.end('{}');
  });
  expect(await check({ HEALTH_HOST: '0.0.0.0', HEALTH_PORT: port })).toMatchObject({ code: 0 });
  expect(asked).toEqual(['/livez']);
});

test('a worker that says it is not alive, hangs, or is not there is unhealthy', async () => {
  const ill = await listen((_, answer) => answer.writeHead(503).end());
  expect(await check({ HEALTH_PORT: ill })).toMatchObject({
    code: 1,
    printed: expect.stringContaining('503'),
  });
  const hung = await listen(() => undefined);
  expect(await check({ HEALTH_PORT: hung })).toMatchObject({
    code: 1,
    printed: expect.stringContaining('ABORT_ERR'),
  });
  // Port 1 of loopback: nobody listens there.
  const gone = await check({ HEALTH_PORT: '1' });
  expect(gone).toMatchObject({ code: 1, printed: expect.stringContaining('ECONNREFUSED') });
});

test('where the port is off there is nothing to be ill of', async () => {
  expect(await check({ HEALTH_PORT: 'off' })).toMatchObject({ code: 0 });
});
