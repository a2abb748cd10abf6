import { expect, test } from 'vitest';
import { makeAccess, type SignIn } from './access.ts';

const TOKEN = 'a token of the console';
const HOST = 'localhost:8080';
const of = (cookie?: string) => ({ host: HOST, cookie });
const cookieOf = (signedIn: SignIn): string => {
  if (signedIn.kind !== 'let in') throw new Error(signedIn.kind);
  return signedIn.cookie.split(';', 1)[0]!;
};

test('without a token everybody is let in; with one only who has signed in with it', () => {
  expect(makeAccess(undefined).visitor(of())).toBeDefined();
  const access = makeAccess(TOKEN);
  for (const cookies of [undefined, '', 'history-worker-console8080=', `history-worker-console8080=${TOKEN}`])
    expect(access.visitor(of(cookies))).toBeUndefined();
  const cookie = cookieOf(access.signIn(TOKEN, 'here', of()));
  expect(access.visitor(of(`other=1; ${cookie}; more=2`))?.isLetIn()).toBe(true);
  expect(access.visitor(of(`${cookie}x`))).toBeUndefined();
});

test('the cookie is out of reach for scripts and other sites, is no token, and is another one each time', () => {
  const access = makeAccess(TOKEN);
  const [one, other] = [access.signIn(TOKEN, 'here', of()), access.signIn(TOKEN, 'here', of())];
  expect(one).toMatchObject({
    cookie: expect.stringMatching(/^[^;]{60,}; Path=\/console; HttpOnly; SameSite=Strict; Max-Age=43200$/),
  });
  expect(cookieOf(one)).not.toBe(cookieOf(other));
  expect(JSON.stringify(one)).not.toContain(TOKEN);
});

test('who looks at two workers under one name, each at its port, is signed in to both', () => {
  const [one, other] = [makeAccess(TOKEN), makeAccess(TOKEN)];
  const hosts = ['localhost:8080', 'localhost:8081'];
  const cookies = [one, other].map((access, index) =>
    cookieOf(access.signIn(TOKEN, 'here', { host: hosts[index] })),
  );
  // As a browser keeps them: by their names.
  const jar = [...new Map(cookies.map((cookie) => [cookie.split('=', 1)[0], cookie])).values()].join('; ');
  expect(one.visitor({ host: hosts[0], cookie: jar })).toBeDefined();
  expect(other.visitor({ host: hosts[1], cookie: jar })).toBeDefined();
});

test('a cookie that somebody else has set under the name hides ours neither before nor behind it', () => {
  const access = makeAccess(TOKEN);
  const cookie = cookieOf(access.signIn(TOKEN, 'here', of()));
  const strange = `${cookie.split('=', 1)[0]}=strange`;
  for (const cookies of [`${strange}; ${cookie}`, `${cookie}; ${strange}`])
    expect(access.visitor(of(cookies))).toBeDefined();
  access.signOut(of(`${strange}; ${cookie}`));
  expect(access.visitor(of(cookie))).toBeUndefined();
});

test('who signs in over TLS sends the cookie over nothing else', () => {
  const access = makeAccess(TOKEN);
  const over = (origin: string) => access.signIn(TOKEN, 'here', { host: 'localhost', origin });
  expect(over('https://localhost')).toMatchObject({ cookie: expect.stringMatching(/; Secure$/) });
  expect(over('http://localhost')).toMatchObject({ cookie: expect.not.stringContaining('Secure') });
});

test.each([
  '',
  'a token of the consol',
  'a token of the console ',
  'A token of the console',
  '\0',
  'x'.repeat(8000),
])('another token is wrong, whatever its length: %#', (token) =>
  expect(makeAccess(TOKEN).signIn(token, 'here', of())).toEqual({ kind: 'wrong' }),
);

test('who gives many wrong tokens is not listened to for a while, not even to the right one; others are', () => {
  let nowMs = 0;
  const access = makeAccess(TOKEN, () => nowMs);
  for (let tries = 0; tries < 10; tries += 1) expect(access.signIn('no', 'there', of()).kind).toBe('wrong');
  expect(access.signIn(TOKEN, 'there', of())).toEqual({ kind: 'too often', afterSeconds: 6 });
  expect(access.signIn(TOKEN, 'here', of()).kind).toBe('let in');
  nowMs = 6_000;
  expect(access.signIn(TOKEN, 'there', of()).kind).toBe('let in');
});

test('a sign-in ends after 12 hours, when signed out, and when a hundred others came later', () => {
  let nowMs = 0;
  const access = makeAccess(TOKEN, () => nowMs);
  const [late, out, crowded] = ['a', 'b', 'c'].map((from) => cookieOf(access.signIn(TOKEN, from, of()))) as [
    string,
    string,
    string,
  ];
  const visitor = access.visitor(of(out))!;
  expect(access.signOut(of(out))).toContain('Max-Age=0');
  expect([access.visitor(of(out)), visitor.isLetIn()]).toEqual([undefined, false]);
  nowMs = 12 * 3_600_000 - 1;
  expect(access.visitor(of(late))).toBeDefined();
  nowMs += 1;
  expect(access.visitor(of(late))).toBeUndefined();
  nowMs = 0;
  for (let index = 0; index < 100; index += 1) access.signIn(TOKEN, `from ${index}`, of());
  expect(access.visitor(of(crowded))).toBeUndefined();
});
