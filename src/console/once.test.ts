import { expect, test } from 'vitest';
import { once, shared } from './once.ts';

test('once: made when it is asked for first, kept, and tried again where it failed', async () => {
  let made = 0;
  const thing = once(async () => {
    made += 1;
    if (made === 1) throw new Error('away');
    return made;
  });
  expect(thing.ifThere()).toBeUndefined();
  await expect(thing.get()).rejects.toThrow('away');
  expect(await Promise.all([thing.get(), thing.get()])).toEqual([2, 2]);
  expect(await thing.ifThere()).toBe(2);
});

test('shared: who asks meanwhile or soon after gets the same, until it is forgotten', async () => {
  let found = 0;
  const thing = shared(60_000, async () => ++found);
  expect(await Promise.all([thing.get(), thing.get()])).toEqual([1, 1]);
  expect(await thing.get()).toBe(1);
  thing.forget();
  expect(await thing.get()).toBe(2);
  expect(await shared(0, async () => ++found).get()).toBe(3);
});

test('shared: a failure is not kept', async () => {
  let tries = 0;
  const thing = shared(60_000, async () => {
    tries += 1;
    if (tries === 1) throw new Error('away');
    return 'there';
  });
  await expect(thing.get()).rejects.toThrow('away');
  expect(await thing.get()).toBe('there');
});
