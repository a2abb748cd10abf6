import { describe, expect, test } from 'vitest';
import { isServedUnder, refusal } from './allowed.ts';

describe('the name that it is asked under', () => {
  test.each([
    ['localhost:8080', '127.0.0.1', '127.0.0.1'],
    ['LOCALHOST', '127.0.0.1', '127.0.0.1'],
    ['127.0.0.1:1', '0.0.0.0', '127.0.0.1'],
    ['[::1]:8080', '::', '::1'],
    ['10.1.2.3:8080', '0.0.0.0', '10.1.2.3'],
    ['10.1.2.3:8080', '::', '::ffff:10.1.2.3'],
    ['[fd00::7]', '::', 'fd00::7'],
    ['worker-7.internal:8080', 'worker-7.internal', '10.1.2.3'],
  ])('%s is ours where HEALTH_HOST is %s', (asked, host, localAddress) => {
    expect(isServedUnder(asked, host, localAddress)).toBe(true);
  });

  test.each([
    'evil.example:8080',
    'localhost.evil.example',
    'evil.localhost',
    '127.0.0.1.evil.example',
    '127.0.0.1@evil.example',
    'localhost:8080@evil.example',
    'localhost:80:80',
    'localhost/',
    'localhost.',
    '10.1.2.4:8080',
    '2130706433',
    '0x7f.1',
    '[::2]',
    '[::1].evil.example',
    '',
    ' localhost',
    'localhost, evil.example',
  ])('%j is not', (asked) => {
    expect(isServedUnder(asked, '0.0.0.0', '10.1.2.3')).toBe(false);
  });
});

describe('where a request comes from', () => {
  const own = { host: 'localhost:8080', 'content-type': 'application/json' };
  const verdict = (purpose: 'page' | 'read' | 'post', headers: Record<string, string>) =>
    refusal(purpose, { headers: { ...own, ...headers }, host: '127.0.0.1', localAddress: '127.0.0.1' })
      ?.status;

  test('our own page and no page at all are answered', () => {
    for (const purpose of ['page', 'read', 'post'] as const) {
      expect(verdict(purpose, {})).toBeUndefined();
      expect(
        verdict(purpose, { origin: 'http://localhost:8080', 'sec-fetch-site': 'same-origin' }),
      ).toBeUndefined();
    }
    expect(verdict('post', { 'content-type': 'application/json; charset=UTF-8' })).toBeUndefined();
  });

  test.each([
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://localhost:3000' },
    { origin: 'http://localhost:8080.evil.example' },
    { origin: 'http://127.0.0.1:8080' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ])('another origin is not: %j', (headers) => {
    for (const purpose of ['page', 'read', 'post'] as const)
      expect(verdict(purpose, headers as unknown as Record<string, string>)).toBe(403);
  });

  test('a link from elsewhere leads to the page, and to nothing else', () => {
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    expect(verdict('page', link)).toBeUndefined();
    expect([verdict('read', link), verdict('post', link)]).toEqual([403, 403]);
  });

  test.each([
    '',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json, text/plain',
  ])('what a form of another page could send is no post: %j', (type) =>
    expect(verdict('post', { 'content-type': type })).toBe(415),
  );
});
