import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { running } from './console-setting.ts';

/** What a server answers to these bytes, until it closes the connection. */
function sendRaw(url: string, lines: readonly string[]): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk) => (text += String(chunk)));
    socket.on('error', () => undefined).on('close', () => resolve(text));
    socket.write(lines.join('\r\n'));
  });
}

const OWN = 'host: localhost';
const JSON_TYPE = 'content-type: application/json';
const END = ['', ''];
const last = ['connection: close', ...END];

test('what no browser sends is refused, whoever stands between', async () => {
  const { url, ask, worker } = await running({ CONSOLE_TOKEN: 'the-token-of-this-test' });
  const read = 'GET /console/session HTTP/1.1';
  const sign = 'POST /console/session HTTP/1.1';
  const tries: Record<string, [status: number | undefined, lines: string[]]> = {
    'ours, so that the others say something': [200, [read, OWN, ...last]],
    'two hosts, ours first': [421, [read, OWN, 'host: evil.example', ...last]],
    'two hosts, ours last': [421, [read, 'host: evil.example', OWN, ...last]],
    'no host, as of old': [421, ['GET /console/session HTTP/1.0', ...END]],
    'no host': [400, [read, ...last]],
    'a host with a dot behind': [421, [read, 'host: localhost.', ...last]],
    'a host that a proxy tells of': [
      421,
      [read, 'host: evil.example', 'x-forwarded-host: localhost', ...last],
    ],
    'a host in the address': [404, ['GET http://evil.example/console/session HTTP/1.1', OWN, ...last]],
    'two origins': [403, [read, OWN, 'origin: http://localhost', 'origin: http://evil.example', ...last]],
    'two sites': [403, [read, OWN, 'sec-fetch-site: same-origin', 'sec-fetch-site: cross-site', ...last]],
    'a trace': [415, ['TRACE /console/ HTTP/1.1', OWN, ...last]],
    'a tunnel': [undefined, ['CONNECT localhost:443 HTTP/1.1', OWN, ...END]],
    'options of all': [404, ['OPTIONS * HTTP/1.1', OWN, ...last]],
    'a web socket': [
      401,
      ['GET /console/live HTTP/1.1', OWN, 'connection: close, upgrade', 'upgrade: websocket', ...END],
    ],
    'a deletion without a type': [415, ['DELETE /console/session HTTP/1.1', OWN, ...last]],
    'two lengths': [400, [sign, OWN, JSON_TYPE, 'content-length: 2', 'content-length: 3', '', '{}']],
    'a length and chunks': [
      400,
      [sign, OWN, JSON_TYPE, 'content-length: 5', 'transfer-encoding: chunked', '', '0', ...END],
    ],
    'chunks without an end': [408, [sign, OWN, JSON_TYPE, 'transfer-encoding: chunked', '', '2', '{}', '']],
    'half a body': [408, [sign, OWN, JSON_TYPE, 'content-length: 50', '', '{"tok']],
    'half a head': [408, [read, OWN, 'x: ']],
    'a head without end': [431, [read, OWN, `x: ${'x'.repeat(20_000)}`, ...END]],
  };
  const answers = await Promise.all(
    Object.entries(tries).map(async ([name, [, lines]]) => [
      name,
      /^HTTP\/1\.1 (\d+)/.exec(await sendRaw(url, lines))?.[1],
    ]),
  );
  expect(Object.fromEntries(answers)).toEqual(
    Object.fromEntries(Object.entries(tries).map(([name, [status]]) => [name, status && String(status)])),
  );
  const proto = '{"__proto__":{"token":"the-token-of-this-test"},"constructor":{"token":1}}';
  expect((await ask('/console/session', { body: proto })).status).toBe(400);
  expect((await ask('/console/?token=the-token-of-this-test')).status).toBe(200);
  expect(worker.output()).not.toContain('the-token-of-this-test');
});
