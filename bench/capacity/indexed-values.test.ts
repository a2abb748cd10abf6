import { expect, test } from 'vitest';
import { openForTest } from '../../emulators/cosmos/open-for-test.ts';
import { documentOf } from './conversation-cost.ts';
import { excludedPaths, indexedValues } from './indexed-values.ts';

test('the container as shipped leaves messages and the list of pages out of its index', () => {
  expect(excludedPaths()).toEqual(['/messages/*', '/segments/*', '/"_etag"/?']);
});

test('by default each field of each message is a value more, as shipped none', () => {
  const [one, ten] = [documentOf(1, 2_048), documentOf(10, 2_048)];
  // Seven fields of the conversation, four of each message.
  expect([one, ten].map((item) => indexedValues(item, []))).toEqual([7 + 8, 7 + 80]);
  expect([one, ten].map((item) => indexedValues(item, excludedPaths()))).toEqual([7, 7]);
});

test('a path with * leaves out all below it, one with ? only itself', () => {
  const item = { a: { b: 1, c: [2, null] }, d: 'x' };
  expect(indexedValues(item, [])).toBe(4);
  expect(indexedValues(item, ['/a/*'])).toBe(1);
  expect(indexedValues(item, ['/d/?'])).toBe(3);
  expect(indexedValues(item, ['/a/b/?'])).toBe(3);
});

test('the stand-in charges the same with any policy: what an index costs cannot be measured on it', async () => {
  const { client } = await openForTest();
  const chargeWith = async (id: string, paths: readonly string[]): Promise<number> => {
    const excluded = paths.map((path) => ({ path }));
    const { container } = await client.database('db').containers.create({
      id,
      partitionKey: { paths: ['/userId'] },
      indexingPolicy: { includedPaths: [{ path: '/*' }], excludedPaths: excluded },
    });
    return (await container.items.create({ ...documentOf(50, 2_048) })).requestCharge;
  };
  const byDefault = await chargeWith('by-default', []);
  expect(byDefault).toBeGreaterThan(30);
  expect(await chargeWith('as-shipped', excludedPaths())).toBe(byDefault);
});
