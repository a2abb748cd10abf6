import { expect, test } from 'vitest';
import { makeAccess, type SignIn } from './access.ts';

const TOKEN = 'a token of the console';
const cookieOf = (signedIn: SignIn): string => {
  if (signedIn.kind !== 'let in') throw new Error(signedIn.kind);
  return signedIn.cookie.split(';', 1)[0]!;
};

test('without a token everybody is let in; with one only who has signed in with it', () => {
  expect(makeAccess(undefined).visitor(undefined)).toBeDefined();
  const access = makeAccess(TOKEN);
  for (const cookies of [undefined, '', 'history-worker-console=', `history-worker-console=${TOKEN}`])
    expect(access.visitor(cookies)).toBeUndefined();
  const cookie = cookieOf(access.signIn(TOKEN, 'here'));
  expect(access.visitor(`other=1; ${cookie}; more=2`)?.isLetIn()).toBe(true);
  expect(access.visitor(`${cookie}x`)).toBeUndefined();
});

test('the cookie is out of reach for scripts and other sites, is no token, and is another one each time', () => {
  const access = makeAccess(TOKEN);
  const [one, other] = [access.signIn(TOKEN, 'here'), access.signIn(TOKEN, 'here')];
  expect(one).toMatchObject({
    cookie: expect.stringMatching(/^[^;]{60,}; Path=\/console; HttpOnly; SameSite=Strict; Max-Age=43200$/),
  });
  expect(cookieOf(one)).not.toBe(cookieOf(other));
  expect(JSON.stringify(one)).not.toContain(TOKEN);
});

test.each([
  '',
  'a token of the consol',
  'a token of the console ',
  'A token of the console',
  '\0',
  'x'.repeat(8000),
])('another token is wrong, whatever its length: %#', (token) =>
  expect(makeAccess(TOKEN).signIn(token, 'here')).toEqual({ kind: 'wrong' }),
);

test('who gives many wrong tokens is not listened to for a while, not even to the right one; others are', () => {
  let nowMs = 0;
  const access = makeAccess(TOKEN, () => nowMs);
  for (let tries = 0; tries < 10; tries += 1) expect(access.signIn('no', 'there').kind).toBe('wrong');
  expect(access.signIn(TOKEN, 'there')).toEqual({ kind: 'too often', afterSeconds: 6 });
  expect(access.signIn(TOKEN, 'here').kind).toBe('let in');
  nowMs = 6_000;
  expect(access.signIn(TOKEN, 'there').kind).toBe('let in');
});

test('a sign-in ends after 12 hours, when signed out, and when a hundred others came later', () => {
  let nowMs = 0;
  const access = makeAccess(TOKEN, () => nowMs);
  const [late, out, crowded] = ['a', 'b', 'c'].map((from) => cookieOf(access.signIn(TOKEN, from))) as [
    string,
    string,
    string,
  ];
  const visitor = access.visitor(out)!;
  expect(access.signOut(out)).toContain('Max-Age=0');
  expect([access.visitor(out), visitor.isLetIn()]).toEqual([undefined, false]);
  nowMs = 12 * 3_600_000 - 1;
  expect(access.visitor(late)).toBeDefined();
  nowMs += 1;
  expect(access.visitor(late)).toBeUndefined();
  nowMs = 0;
  for (let index = 0; index < 100; index += 1) access.signIn(TOKEN, `from ${index}`);
  expect(access.visitor(crowded)).toBeUndefined();
});
