import { describe, expect, test } from 'vitest';
import { Failure, type FailureCode } from '../pipeline/failures.ts';
import { makePatience } from './patience.ts';

function setUp(given: { probe?: () => Promise<void>; signal?: AbortSignal } = {}) {
  let now = 0;
  const said: string[] = [];
  const held: number[] = [];
  const patience = makePatience({
    clock: {
      now: () => now,
      random: () => 1,
      sleep: async (ms) => {
        now += ms;
      },
    },
    signal: given.signal ?? new AbortController().signal,
    probe: given.probe ?? (() => Promise.reject(new Failure('StoreUnavailable', 'away'))),
    say: (line) => said.push(line),
    onThrottled: (ms) => held.push(ms),
  });
  return { patience, said, held };
}

/** Fails so often, then answers. */
function failing(code: FailureCode, times: number, retryAfterMs?: number) {
  let calls = 0;
  return {
    calls: () => calls,
    async work() {
      calls += 1;
      if (calls <= times) throw new Failure(code, 'it failed', { retryAfterMs });
      return 'done';
    },
  };
}

test('an outage is waited for, however long, and told once', async () => {
  const { patience, said } = setUp();
  const { work } = failing('StoreUnavailable', 100);
  expect(await patience.wait(work)).toBe('done');
  expect(said).toEqual(['StoreUnavailable: it failed: waiting for it to pass']);
  expect(await patience.wait(failing('StoreUnavailable', 50).work)).toBe('done');
  expect(said).toHaveLength(2);
});

test('what passes within a second is not told of', async () => {
  const { patience, said } = setUp();
  await patience.wait(failing('CacheUnavailable', 3).work);
  expect(said).toEqual([]);
});

describe('is given up', () => {
  test('when the service answers others', async () => {
    const { patience } = setUp({ probe: async () => undefined });
    const { work, calls } = failing('CacheUnavailable', 100);
    await expect(patience.wait(work)).rejects.toMatchObject({ code: 'CacheUnavailable' });
    expect(calls()).toBeLessThan(10);
  });

  test('by the probe of this work, where it has one', async () => {
    const { patience } = setUp();
    const { work } = failing('CacheUnavailable', 100);
    await expect(patience.wait(work, async () => undefined)).rejects.toMatchObject({
      code: 'CacheUnavailable',
    });
  });

  test.each(['StoreMisconfigured', 'PartitionFull', 'ForeignItem'] as const)(
    'at once for %s',
    async (code) => {
      const { patience } = setUp();
      const { work, calls } = failing(code, 1);
      await expect(patience.wait(work)).rejects.toMatchObject({ code });
      expect(calls()).toBe(1);
    },
  );

  test('at once for what is no Failure, also of a probe', async () => {
    const { patience } = setUp({ probe: () => Promise.reject(new TypeError('a fault of ours')) });
    await expect(patience.wait(() => Promise.reject(new RangeError('another')))).rejects.toThrow(RangeError);
    await expect(patience.wait(failing('StoreUnavailable', 100).work)).rejects.toThrow(TypeError);
  });

  test('when it is interrupted', async () => {
    const { patience } = setUp({ signal: AbortSignal.abort() });
    const { work, calls } = failing('StoreUnavailable', 100);
    await expect(patience.wait(work)).rejects.toMatchObject({ code: 'StoreUnavailable' });
    expect(calls()).toBe(1);
  });
});

test('throttling is never given up, and holds the others back for as long as the service says', async () => {
  const { patience, held } = setUp({ probe: async () => undefined });
  expect(await patience.wait(failing('StoreThrottled', 20, 9_000).work)).toBe('done');
  expect(held).toHaveLength(20);
  for (const ms of held) expect(ms).toBeGreaterThanOrEqual(9_000);
});

test('says what is waited for as long as it is', async () => {
  const { patience } = setUp();
  let during: string | undefined;
  const { work } = failing('StoreUnavailable', 2);
  await patience.wait(() => {
    during ??= patience.waitingFor;
    return work();
  });
  expect(during).toBe('StoreUnavailable');
  expect(patience.waitingFor).toBeUndefined();
});
