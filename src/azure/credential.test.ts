import { expect, test } from 'vitest';
import { sparingly } from './credential.ts';

/** What the Service Bus client does with a token: it renews the claim of a link two minutes before its end. */
const renewsInMs = (token: { expiresOnTimestamp: number } | null): number =>
  token!.expiresOnTimestamp - Date.now() - 120_000;

const lasting = (ms: number) =>
  sparingly({ getToken: async () => ({ token: 'a', expiresOnTimestamp: Date.now() + ms }) });

test.each([-5_000, 1_000, 30_000, 119_000, 122_000])(
  'a token with %i ms left does not make the Service Bus client ask again at once',
  async (leftMs) => {
    const inMs = renewsInMs(await lasting(leftMs).getToken('scope'));
    expect(inMs).toBeGreaterThan(4_000);
    expect(inMs).toBeLessThanOrEqual(5_000);
  },
);

test('a token that lasts is passed on as it is', async () => {
  const token = { token: 'a', expiresOnTimestamp: Date.now() + 3_600_000 };
  expect(await sparingly({ getToken: async () => token }).getToken('scope')).toEqual(token);
});
