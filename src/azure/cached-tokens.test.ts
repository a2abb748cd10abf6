import type { AccessToken } from '@azure/identity';
import { expect, test } from 'vitest';
import { cacheTokens } from './cached-tokens.ts';

const HOUR_MS = 3_600_000;
const SCOPE = 'https://servicebus.azure.net/.default';

/** An identity whose tokens last so long, that can be away, and counts how often it is asked. */
function anIdentity(lifetimeMs = HOUR_MS) {
  const state = { nowMs: 1_000_000, asked: 0, isAway: false };
  const credential = cacheTokens(
    {
      async getToken(): Promise<AccessToken> {
        state.asked += 1;
        if (state.isAway) throw new Error('away');
        return { token: `token ${state.asked}`, expiresOnTimestamp: state.nowMs + lifetimeMs };
      },
    },
    () => state.nowMs,
  );
  const get = async (scope = SCOPE) => (await credential.getToken(scope))?.token;
  return { state, get };
}

test('a token is asked for once, by many at once too, and again when its end is near', async () => {
  const { state, get } = anIdentity();
  expect(await Promise.all([get(), get(), get()])).toEqual(['token 1', 'token 1', 'token 1']);
  state.nowMs += HOUR_MS - 6 * 60_000;
  expect(await get()).toBe('token 1');
  state.nowMs += 2 * 60_000;
  expect(await get()).toBe('token 2');
  expect(state.asked).toBe(2);
});

test('each scope has a token of its own', async () => {
  const { get } = anIdentity();
  expect(await get()).toBe('token 1');
  expect(await get('https://redis.azure.com/.default')).toBe('token 2');
  expect(await get()).toBe('token 1');
});

test('while requests fail the last token is served for as long as it is valid, and requests are spaced out', async () => {
  const { state, get } = anIdentity();
  await get();
  state.isAway = true;
  state.nowMs += HOUR_MS - 4 * 60_000;
  for (let second = 0; second < 238; second += 1) {
    expect(await get()).toBe('token 1');
    state.nowMs += 1_000;
  }
  expect(state.asked).toBeGreaterThan(5);
  expect(state.asked).toBeLessThan(20);
  state.isAway = false;
  state.nowMs += 500;
  // Within the last back-off the old one would do; soon after, there is a new one.
  state.nowMs += 1_500;
  await expect.poll(() => get()).toMatch(/^token (?!1$)/);
});

test('an outage of an hour ends within two seconds of the first token that can be had', async () => {
  const { state, get } = anIdentity(60_000);
  await get();
  state.isAway = true;
  state.nowMs += 60_000;
  for (let second = 0; second < 3_600; second += 1) {
    await expect(get()).rejects.toThrow('away');
    state.nowMs += 1_000;
  }
  expect(state.asked).toBeLessThan(2_000);
  state.isAway = false;
  state.nowMs += 2_000;
  expect(await get()).toMatch(/^token/);
});

test('a request that hangs keeps nobody who has a valid token, and one caller that gives up ends it for no other', async () => {
  let answer = (_: AccessToken): void => undefined;
  let nowMs = 0;
  let asked = 0;
  const credential = cacheTokens(
    {
      getToken() {
        asked += 1;
        if (asked === 1) return Promise.resolve({ token: 'old', expiresOnTimestamp: 60_000 });
        return new Promise((resolve) => {
          answer = resolve;
        });
      },
    },
    () => nowMs,
  );
  expect((await credential.getToken(SCOPE))?.token).toBe('old');
  nowMs = 50_000;
  const gaveUp = credential.getToken(SCOPE, { abortSignal: AbortSignal.abort() });
  expect((await gaveUp)?.token).toBe('old');
  nowMs = 70_000;
  const waiting = credential.getToken(SCOPE);
  answer({ token: 'new', expiresOnTimestamp: 200_000 });
  expect((await waiting)?.token).toBe('new');
  expect(asked).toBe(2);
});
