import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { look, running, type Sent } from './console-setting.ts';
import { setAside } from './set-aside.ts';
import { conversation } from './setting.ts';

const TOKEN = 'the-token-of-this-test';

test('probes are answered whatever they call the worker; the console only under its own names', async () => {
  const { ask } = await running();
  for (const host of ['evil.example', '10.244.0.7:8080', 'localhost']) {
    for (const path of ['/livez', '/readyz', '/metrics'])
      expect((await ask(path, { headers: { host } })).status).toBe(200);
    const asked = [
      '/console/',
      '/console/main.js',
      '/console/live',
      '/console/session',
      '/console/dead-letters',
    ];
    if (host !== 'localhost')
      for (const path of asked) expect((await ask(path, { headers: { host } })).status).toBe(421);
  }
  const page = await ask('/console/');
  expect(page.status).toBe(200);
  expect(page.text).toContain('<title>History worker</title>');
  expect(page.headers).toMatchObject({
    'content-security-policy': expect.stringContaining("default-src 'none'; script-src 'self'"),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  });
  expect(page.headers['content-security-policy']).toContain("frame-ancestors 'none'");
  expect(page.headers['access-control-allow-origin']).toBeUndefined();
  expect(await ask('/console')).toMatchObject({ status: 308, headers: { location: '/console/' } });
});

describe('who tries to get in where they should not', () => {
  test('with a token nothing but the page’s files is answered without it; wrong ones are counted', async () => {
    const { ask, url, worker } = await running({ CONSOLE_TOKEN: TOKEN });
    const NAME = `history-worker-console${new URL(url).port}`;
    const reads = ['/console/dead-letters', '/console/live', '/console/nothing'];
    const posts = [
      '/console/replays',
      '/console/conversations',
      '/console/conversation',
      '/console/conversation-page',
    ];
    for (const cookie of ['', `${NAME}=${TOKEN}`, `${NAME}=x`]) {
      for (const path of reads) expect((await ask(path, { headers: { cookie } })).status).toBe(401);
      for (const path of posts) expect((await ask(path, { body: {}, headers: { cookie } })).status).toBe(401);
    }
    const bearer = { authorization: `Bearer ${TOKEN}` };
    expect((await ask(`/console/dead-letters?token=${TOKEN}`, { headers: bearer })).status).toBe(401);
    expect((await ask('/console/session')).json).toEqual({ needsToken: true, isLetIn: false });

    const signedIn = await ask('/console/session', { body: { token: TOKEN } });
    const cookie = String(signedIn.headers['set-cookie']).split(';', 1)[0]!;
    expect((await ask('/console/dead-letters', { headers: { cookie } })).json.total).toBe(0);
    const stream = await look(url, { cookie });
    await expect.poll(() => stream.told('hello')).toHaveLength(1);
    await ask('/console/session', {
      method: 'DELETE',
      headers: { cookie, 'content-type': 'application/json' },
    });
    expect((await ask('/console/dead-letters', { headers: { cookie } })).status).toBe(401);
    // With the next thing that would be told.
    await stream.ended;

    const tries = [];
    for (let index = 0; index < 12; index += 1)
      tries.push((await ask('/console/session', { body: { token: `no ${index}` } })).status);
    expect(tries).toEqual([...Array(10).fill(401), 429, 429]);
    expect(await ask('/console/session', { body: { token: TOKEN } })).toMatchObject({
      status: 429,
      headers: { 'retry-after': expect.stringMatching(/^\d$/) },
    });
    expect(worker.lines.filter(({ msg }) => msg === 'console: a wrong token was given')).toHaveLength(10);
    expect(worker.output()).not.toContain(TOKEN);
  });

  test('other origins, forms, methods, paths and large bodies are refused, and nothing comes of them', async () => {
    const { ask, worker, url, counters, path } = await running({}, (scene) =>
      setAside(scene, [conversation().event]),
    );
    const body = { reason: 'ConversationNotFound' };
    const replay = async (given: Sent) => (await ask('/console/replays', { body, ...given })).status;
    for (const origin of ['https://evil.example', 'null', 'http://localhost:1'])
      expect(await replay({ headers: { origin } })).toBe(403);
    expect(await replay({ headers: { 'sec-fetch-site': 'cross-site' } })).toBe(403);
    expect(await replay({ headers: { 'content-type': 'text/plain' } })).toBe(415);
    expect(await replay({ headers: { expect: '100-continue' } })).toBe(417);
    for (const method of ['PUT', 'PATCH', 'DELETE']) expect(await replay({ method })).toBe(405);
    expect((await ask('/console/replays?reason=ConversationNotFound')).status).toBe(405);
    expect(
      (await ask('/console/replays', { method: 'OPTIONS', headers: { origin: 'https://evil.example' } }))
        .headers,
    ).not.toHaveProperty('access-control-allow-origin');
    for (const wrong of [
      '',
      '[]',
      '{',
      'null',
      '"reason"',
      '{"reason":7}',
      '{"sequenceNumber":"1; 2"}',
      '{"reason":"x","sequenceNumber":"1"}',
    ])
      expect(
        await replay({ body: wrong, method: 'POST', headers: { 'content-type': 'application/json' } }),
      ).toBe(400);
    expect(await replay({ body: { reason: 'x'.repeat(40_000) } })).toBe(413);
    const chunked = connect(Number(new URL(url).port), '127.0.0.1');
    let text = '';
    chunked.on('data', (chunk) => (text += String(chunk))).on('error', () => undefined);
    chunked.write(
      'POST /console/replays HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
    );
    for (let sent = 0; sent < 20; sent += 1) chunked.write(`1000\r\n${' '.repeat(0x1000)}\r\n`);
    await once(chunked, 'close');
    expect(text).toMatch(/^HTTP\/1\.1 413 /);

    const outside = [
      '/console/../src/run.ts',
      '/console/%2e%2e/run.ts',
      '/console/..%2frun.ts',
      '/console//etc/passwd',
      '/console/tsconfig.json',
      '/console/index.html',
      '/console/toString',
      '/console/__proto__',
      '/console/page.css%00',
    ];
    for (const tried of outside) expect([tried, (await ask(tried)).status]).toEqual([tried, 404]);
    expect((await ask('/consoles')).status).toBe(404);
    expect(worker.said('console: a replay was begun')).toBe(false);
    expect(counters().entities[`${path}/$DeadLetterQueue`]).toMatchObject({ active: 1, delivered: 0 });
    expect((await ask('/livez')).status).toBe(200);
  });

  test('a crowd of viewers is bounded, and lookups that come too often are told to wait', async () => {
    const { ask, url } = await running();
    const crowd = await Promise.all(Array.from({ length: 20 }, () => look(url)));
    expect(crowd.filter(({ status }) => status === 200)).toHaveLength(16);
    expect(crowd.filter(({ status }) => status === 429)).toHaveLength(4);
    const asked: number[] = [];
    for (let index = 0; index < 40; index += 1)
      asked.push((await ask('/console/conversation', { body: { sessionId: 'none' } })).status);
    expect(new Set(asked)).toEqual(new Set([200, 429]));
    expect((await ask('/readyz')).status).toBe(200);
  });
});
