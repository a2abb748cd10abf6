import type { FeedOptions, SqlQuerySpec } from '@azure/cosmos';
import { expect, test } from 'vitest';
import { askRaw, errorOf, openForTest } from './open-for-test.ts';

/** Nine items of three users, whose n is the same three times each. */
async function setUp() {
  const { cosmos, container } = await openForTest();
  for (let at = 0; at < 9; at += 1) {
    const n = (at * 2) % 3;
    cosmos.put({ id: `s${at}`, userId: `u${at % 3}`, n, word: `it's \\${n}`, inner: { n } });
  }
  const run = async (query: string | SqlQuerySpec, options: FeedOptions = {}) =>
    (await container.items.query(query, options).fetchAll()).resources;
  const ask = (query: string, headers: Record<string, string>) =>
    askRaw(
      cosmos,
      'POST',
      'docs',
      { 'x-ms-documentdb-isquery': 'true', ...headers },
      JSON.stringify({ query }),
    );
  return { cosmos, container, run, ask };
}
const ways: FeedOptions[] = [{}, { maxItemCount: 2 }, { forceQueryPlan: true }, { enableQueryControl: true }];
const across = { 'x-ms-documentdb-query-enablecrosspartition': 'true' };

test.each<[string, unknown[], SqlQuerySpec['parameters']?]>([
  ['SELECT VALUE c.n FROM c ORDER BY c.n', [0, 0, 0, 1, 1, 1, 2, 2, 2]],
  ['SELECT VALUE c.n FROM c WHERE c.n > 0 OR c.n < 0 ORDER BY c.inner.n DESC', [2, 2, 2, 1, 1, 1]],
  ['SELECT TOP 4 VALUE r.n FROM root r ORDER BY r["n"] DESC', [2, 2, 2, 1]],
  ['SELECT VALUE c.n FROM c ORDER BY c.n OFFSET 2 LIMIT 3', [0, 1, 1]],
  ['SELECT c.n AS m, c.none, c.inner FROM c ORDER BY c.n ASC OFFSET 8 LIMIT 5', [{ m: 2, inner: { n: 2 } }]],
  ['SELECT VALUE [c.n, {"a": c.none, "b": c.inner.n}] FROM c ORDER BY c.n OFFSET 8 LIMIT 1', [[2, { b: 2 }]]],
  ['SELECT VALUE COUNT(1) FROM c WHERE c.n >= 1', [6]],
  ['SELECT VALUE COUNT(1) FROM c WHERE c.n > 5', [0]],
  ['SELECT TOP 2 c.id FROM c', [{ id: 's0' }, { id: 's1' }]],
  ['SELECT c.id FROM c OFFSET 7 LIMIT 5', [{ id: 's7' }, { id: 's8' }]],
  [
    'SELECT c.id FROM c WHERE c.n = @n OFFSET @skipped LIMIT @most',
    [{ id: 's4' }],
    [
      { name: '@n', value: 2 },
      { name: '@skipped', value: 1 },
      { name: '@most', value: 1 },
    ],
  ],
])(
  '%s over all partitions is right, however the client goes about it',
  async (query, expected, parameters) => {
    const { run } = await setUp();
    for (const options of ways)
      expect(
        await run({ query, ...(parameters ? { parameters } : {}) }, options),
        JSON.stringify(options),
      ).toEqual(expected);
  },
);

test('a whole item comes out of a sort as it is read', async () => {
  const { container, run } = await setUp();
  const [first] = await run('SELECT * FROM c ORDER BY c.id');
  expect(first).toEqual((await container.item('s0', 'u0').read()).resource);
});

test.each(['c.n', 'c.n DESC', 'c.word', 'c.word DESC', 'c.id DESC'])(
  'by %s a client that gives a page at a time goes on where it was, over equal values and pages of its own',
  async (order) => {
    const { container, run } = await setUp();
    const query = `SELECT VALUE c.id FROM c ORDER BY ${order}`;
    const whole = await run(query);
    expect(new Set(whole).size).toBe(9);
    for (const maxItemCount of [1, 2, 4]) {
      const found: unknown[] = [];
      let continuationToken: string | undefined;
      do {
        const options = {
          maxItemCount,
          enableQueryControl: true,
          ...(continuationToken && { continuationToken }),
        };
        const page = await container.items.query(query, options).fetchNext();
        found.push(...(page.resources ?? []));
        ({ continuationToken } = page);
      } while (continuationToken);
      expect(found).toEqual(whole);
    }
  },
);

test('a sort over all partitions has no continuation of the service, one of a single partition has', async () => {
  const { container } = await setUp();
  const tokenOf = async (where: string, options: FeedOptions = {}) => {
    const query = `SELECT * FROM c ${where} ORDER BY c.n`;
    return (await container.items.query(query, { maxItemCount: 1, ...options }).fetchNext())
      .continuationToken;
  };
  expect(await tokenOf('')).toBeUndefined();
  expect(await tokenOf('WHERE c.userId != "u0"')).toBeUndefined();
  expect(await tokenOf('WHERE c.userId = "u0" OR c.n = 1')).toBeUndefined();
  expect(await tokenOf('', { partitionKey: 'u0' })).toEqual(expect.any(String));
  expect(await tokenOf('WHERE c.n >= 0 AND c.userId = "u0"')).toEqual(expect.any(String));
});

test.each(['SELECT * FROM c ORDER BY c.n', 'SELECT TOP 1 * FROM c', 'SELECT VALUE COUNT(1) FROM c'])(
  'without the client %s is refused as the service does, with the plan, and is answered to who asks a range',
  async (query) => {
    const { ask } = await setUp();
    const refused = await ask(query, across);
    expect(refused).toMatchObject({ status: 400, substatus: '1004' });
    const plan = JSON.parse(JSON.parse(refused.text).additionalErrorInfo);
    expect(plan.queryRanges).toHaveLength(1);
    const range = { ...across, 'x-ms-documentdb-partitionkeyrangeid': '0' };
    const { rewrittenQuery } = plan.queryInfo;
    const answer = await ask(rewrittenQuery.replace(/\{documentdb.*?\}/, 'true') || query, range);
    expect([answer.status, JSON.parse(answer.text)._count]).toEqual([200, query.includes('ORDER') ? 9 : 1]);
    const gone = await ask(query, { ...range, 'x-ms-documentdb-partitionkeyrangeid': '1' });
    expect(gone).toMatchObject({ status: 410, substatus: '1002' });
  },
);

test('without the client a query has to say that it goes over all partitions, unless it does not', async () => {
  const { ask } = await setUp();
  const refused = await ask('SELECT * FROM c', {});
  expect([refused.status, refused.text]).toEqual([400, expect.stringMatching(/required but disabled/)]);
  for (const [query, headers] of [
    ['SELECT * FROM c', across],
    ['SELECT * FROM c ORDER BY c.n', { 'x-ms-documentdb-partitionkey': '["u0"]' }],
    ['SELECT * FROM c WHERE c.userId = "u0" AND c.n >= 0 ORDER BY c.n', {}],
  ] as const)
    expect((await ask(query, headers)).status, query).toBe(200);
});

test('what the plan is asked for wrongly is told by what is wrong', async () => {
  const { run } = await setUp();
  for (const options of ways)
    expect(await errorOf(run('SELECT TOP @n * FROM c', options))).toMatchObject({
      code: 400,
      message: expect.stringContaining('@n'),
    });
});
