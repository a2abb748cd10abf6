import type { Container, FeedOptions, SqlQuerySpec } from '@azure/cosmos';
import { expect, test } from 'vitest';
import { errorOf, openForTest } from './open-for-test.ts';
import { evaluate } from './sql-evaluate.ts';
import { parseCondition } from './sql-parse.ts';

const run = async (container: Container, query: string | SqlQuerySpec, options: FeedOptions = {}) =>
  (await container.items.query(query, options).fetchAll()).resources;

const holds = (condition: string, item: unknown, parameters: Record<string, unknown> = {}) =>
  evaluate(parseCondition(`FROM c WHERE ${condition}`), item, new Map(Object.entries(parameters)));

test.each([
  ['c.a = 1', true],
  ['c.a = "1"', false],
  ['c.a != "1"', true],
  ['c.missing = 1', undefined],
  ['c.missing != 1', undefined],
  ['NOT (c.missing = 1)', undefined],
  ['c.missing = 1 OR c.a = 1', true],
  ['c.missing = 1 AND c.a = 2', false],
  ['c.a < "x"', undefined],
  ['c.nothing = null', true],
  ['c.nothing >= null', true],
  ['c.nothing > 0', undefined],
  ['IS_DEFINED(c.nothing) AND IS_NULL(c.nothing) AND NOT IS_NULL(c.missing)', true],
  ['ARRAY_LENGTH(c.list) = 3', true],
  ['ARRAY_LENGTH(c.text) = 3', undefined],
  ['c.list[1].x = -2.5', true],
  ["c[\"text\"] = 'it\\'s'", true],
  ['IS_DEFINED(c["0"]) AND NOT IS_DEFINED(c[0]) AND NOT IS_DEFINED(c.list["0"])', true],
  ['STARTSWITH(c.text, "IT", true) AND NOT STARTSWITH(c.text, "IT")', true],
  ['CONTAINS(c.text, @part)', true],
  ['c.a IN (3, 1)', true],
  ['c.text', "it's"],
  ['c.a = 2 OR c.a = 1 AND c.text != "x"', true],
])('%s is %s', (condition, expected) => {
  const item = { a: 1, 0: 'zero', nothing: null, text: "it's", list: [0, { x: -2.5 }, 2] };
  expect(holds(condition, item, { '@part': "'s" })).toBe(expected);
});

test.each([
  ['SELECT * FROM c WHERE c.a + 1 = 2', '+'],
  ['SELECT * FROM c WHERE c.a BETWEEN 1 AND 2', 'BETWEEN'],
  ['SELECT * FROM c WHERE ROUND(c.a) = 2', 'ROUND'],
  ['SELECT * FROM c WHERE x.a = 2', 'x'],
  ['SELECT * FROM c WHERE c.a = @missing', '@missing'],
  ['SELECT VALUE MAX(c.a) FROM c', 'MAX'],
  ['SELECT * FROM c ORDER BY c.a, c.b', ','],
  ['SELECT * FROM c JOIN m IN c.list', 'JOIN'],
  ['SELECT m.role FROM c JOIN m IN c.list', "'JOIN': not supported"],
  ['SELECT c.a, COUNT(1) FROM c GROUP BY c.a', "'GROUP': not supported"],
  ['SELECT DISTINCT c.a FROM c', "'DISTINCT': not supported"],
  ['SELECT * FROM c ORDER BY c', 'ORDER BY'],
  ['SELECT * FROM c ORDER BY c.list[0]', 'ORDER BY'],
  ['SELECT VALUE c.Group FROM c', '["Group"]'],
  ['SELECT * FROM c WHERE c.inner.value = 1', '["value"]'],
  ['SELECT * FROM c; SELECT 1', ';'],
  ['SELECT TOP 1 VALUE COUNT(1) FROM c', 'TOP'],
  ['SELECT c.list[0] FROM c', 'AS'],
])('%s is refused by a message that names %s', async (query, named) => {
  const { container } = await openForTest();
  await container.items.create({ id: 's', userId: 'u', a: 1 });
  const error = await errorOf(run(container, query));
  expect(error).toMatchObject({ code: 400 });
  expect(error.message).toContain(named);
});

test('fields, TOP, OFFSET and names of the selection', async () => {
  const { cosmos, container } = await openForTest();
  for (const n of [1, 2, 3, 4, 5]) cosmos.put({ id: `s${n}`, userId: 'u', n, inner: { x: n * 10 } });
  expect(await run(container, 'SELECT TOP 2 c.n, c.inner.x AS ten, c.none FROM c ORDER BY c.n DESC')).toEqual(
    [
      { n: 5, ten: 50 },
      { n: 4, ten: 40 },
    ],
  );
  expect(await run(container, 'SELECT VALUE r.n FROM root r ORDER BY r.n OFFSET 1 LIMIT 2')).toEqual([2, 3]);
  const paged = { maxItemCount: 1, partitionKey: 'u' };
  expect(await run(container, 'SELECT VALUE c.n FROM c ORDER BY c.n OFFSET 1 LIMIT 3', paged)).toEqual([
    2, 3, 4,
  ]);
  expect(await run(container, 'SELECT VALUE COUNT(1) FROM c WHERE c.n > 3')).toEqual([2]);
});

test('items without the property to order by are left out, and types have their order', async () => {
  const { cosmos, container } = await openForTest();
  const values: unknown[] = ['b', 2, null, true, 'a', undefined];
  values.forEach((value, index) => {
    cosmos.put({ id: `s${index}`, userId: 'u', ...(value === undefined ? {} : { value }) });
  });
  expect(await run(container, 'SELECT VALUE c["value"] FROM c ORDER BY c["value"]')).toEqual([
    null,
    true,
    2,
    'a',
    'b',
  ]);
});

test('a page holds 4 MB at most, however many items are asked for, and goes on behind them', async () => {
  const { cosmos, container } = await openForTest();
  const sizes = [1.5, 1.5, 1.5, 0.5, 0.5, 1.9, 1.9];
  sizes.forEach((megabytes, n) => {
    cosmos.put({ id: `s${n}`, userId: 'u', n, text: 'x'.repeat(megabytes * 1024 * 1024) });
  });
  for (const query of ['SELECT * FROM c', 'SELECT * FROM c ORDER BY c.n']) {
    const iterator = container.items.query(query, { partitionKey: 'u', maxItemCount: 50 });
    const pages: number[][] = [];
    while (iterator.hasMoreResults())
      pages.push(((await iterator.fetchNext()).resources ?? []).map(({ n }) => n));
    expect(pages).toEqual([
      [0, 1],
      [2, 3, 4],
      [5, 6],
    ]);
  }
  const light = container.items.query('SELECT c.id FROM c', { partitionKey: 'u', maxItemCount: 50 });
  expect((await light.fetchNext()).resources).toHaveLength(7);
});

test('pages neither skip nor repeat when items come and go between them', async () => {
  const { cosmos, container } = await openForTest();
  for (const n of [10, 20, 30, 40, 50]) cosmos.put({ id: `s${n}`, userId: 'u', n });
  const query = 'SELECT VALUE c.n FROM c ORDER BY c.n DESC';
  const first = await container.items.query(query, { partitionKey: 'u', maxItemCount: 2 }).fetchNext();
  expect(first.resources).toEqual([50, 40]);
  cosmos.put({ id: 's45', userId: 'u', n: 45 });
  await container.item('s50', 'u').delete();
  const { continuationToken } = first;
  const rest = { partitionKey: 'u', maxItemCount: 2, continuationToken };
  expect(await run(container, query, rest)).toEqual([30, 20, 10]);
  const other = run(container, 'SELECT * FROM c', rest);
  expect(await errorOf(other)).toMatchObject({
    code: 400,
    message: expect.stringContaining('another query'),
  });
});
