import type { Container, FeedOptions, SqlQuerySpec } from '@azure/cosmos';
import { expect, test } from 'vitest';
import { errorOf, openForTest } from './open-for-test.ts';

const OLD_SEGMENTS =
  "SELECT c.id, c.sessionId, c.userId, c._ts FROM c WHERE c.type = 'segment' AND c._ts < @before";
const HEADS =
  "SELECT c.id, c.title, c.lastActivity FROM c WHERE c.userId = @userId AND (NOT IS_DEFINED(c.type) OR c.type != 'segment') ORDER BY c.lastActivity DESC";

const segment = (id: string, userId: string, sessionId: string) => ({
  id: `~seg|${id}`,
  type: 'segment',
  sessionId,
  userId,
  messages: [],
});
const head = (id: string, userId: string, lastActivity: string, fields = {}) => ({
  id,
  userId,
  lastActivity,
  title: `Title of ${id}`,
  messages: [],
  ...fields,
});
const nowSeconds = () => Math.floor(Date.now() / 1000);

/** The pages of a query, each asked for with the continuation of the one before, as by another process. */
async function pagesOf(container: Container, query: SqlQuerySpec, options: FeedOptions) {
  const pages: unknown[][] = [];
  let continuationToken: string | undefined;
  do {
    const given = { ...options, ...(continuationToken ? { continuationToken } : {}) };
    const page = await container.items.query(query, given).fetchNext();
    pages.push(page.resources ?? []);
    ({ continuationToken } = page);
  } while (continuationToken);
  return pages;
}

test('old segments are found in all partitions, in one, and of one session', async () => {
  const { cosmos, container } = await openForTest();
  cosmos.put(head('s1', 'u1', '2026-01-01T00:00:00Z'));
  for (const [id, userId, sessionId] of [
    ['a', 'u1', 's1'],
    ['b', 'u1', 's2'],
    ['c', 'u2', 's3'],
    ['new', 'u1', 's1'],
  ] as const)
    cosmos.put(segment(id, userId, sessionId));
  for (const id of ['a', 'b', 'c']) cosmos.act('ageItems', { seconds: 4000, idPrefix: `~seg|${id}` });
  const parameters = [{ name: '@before', value: nowSeconds() - 3600 }];
  const found = async (query: string, options: FeedOptions, more: SqlQuerySpec['parameters'] = []) =>
    (await pagesOf(container, { query, parameters: [...parameters, ...more] }, options)).map((page) =>
      page.map((each) => (each as { id: string }).id),
    );
  expect(await found(OLD_SEGMENTS, {})).toEqual([['~seg|a', '~seg|b', '~seg|c']]);
  expect(await found(OLD_SEGMENTS, { maxItemCount: 2 })).toEqual([['~seg|a', '~seg|b'], ['~seg|c']]);
  expect(await found(OLD_SEGMENTS, { maxItemCount: 1, partitionKey: 'u1' })).toEqual([
    ['~seg|a'],
    ['~seg|b'],
  ]);
  const ofSession = `${OLD_SEGMENTS} AND c.sessionId = @sessionId`;
  expect(await found(ofSession, { partitionKey: 'u1' }, [{ name: '@sessionId', value: 's1' }])).toEqual([
    ['~seg|a'],
  ]);
  const [[first]] = (await pagesOf(container, { query: OLD_SEGMENTS, parameters }, {})) as [[object]];
  expect(first).toEqual({ id: '~seg|a', sessionId: 's1', userId: 'u1', _ts: expect.any(Number) });
});

test("a user's conversations are listed without their segments, latest first, by pages", async () => {
  const { cosmos, container } = await openForTest();
  for (let day = 1; day <= 7; day += 1) {
    cosmos.put(head(`s${day}`, 'u1', `2026-01-0${day}T00:00:00Z`, day === 3 ? { type: 'conversation' } : {}));
    cosmos.put({ ...segment(String(day), 'u1', `s${day}`), lastActivity: '2027-01-01T00:00:00Z' });
  }
  cosmos.put(head('other', 'u2', '2026-01-09T00:00:00Z'));
  const query = { query: HEADS, parameters: [{ name: '@userId', value: 'u1' }] };
  for (const options of [{ partitionKey: 'u1' }, {}]) {
    const pages = await pagesOf(container, query, { ...options, maxItemCount: 3 });
    expect(pages.map((page) => page.map((each) => (each as { id: string }).id))).toEqual([
      ['s7', 's6', 's5'],
      ['s4', 's3', 's2'],
      ['s1'],
    ]);
    expect(pages[0]![0]).toEqual({ id: 's7', title: 'Title of s7', lastActivity: '2026-01-07T00:00:00Z' });
  }
});

test('a segment is deleted once, and only by its own user', async () => {
  const { cosmos, container } = await openForTest();
  cosmos.put(segment('a', 'u1', 's1'));
  expect(await errorOf(container.item('~seg|a', 'u2').delete())).toMatchObject({ code: 404 });
  expect((await container.item('~seg|a', 'u1').delete()).statusCode).toBe(204);
  expect(await errorOf(container.item('~seg|a', 'u1').delete())).toMatchObject({ code: 404 });
  expect(cosmos.items()).toEqual([]);
  expect(cosmos.counters().writes.delete).toBe(1);
});

test('every answer tells the date, by the clock that dates the items', async () => {
  const { cosmos, client, container } = await openForTest({ now: () => 1_900_000_000_000 });
  const date = new Date(1_900_000_000_000).toUTCString();
  const created = await container.items.create({ id: 'a', userId: 'u' });
  expect(created.resource?._ts).toBe(1_900_000_000);
  const answers = [
    created,
    await container.item('a', 'u').read(),
    await container.item('nowhere', 'u').read(),
    await container.items.query('SELECT * FROM c').fetchNext(),
    await client.database('db').read(),
    await errorOf(container.items.create({ id: 'a', userId: 'u' })),
    await container.item('a', 'u').delete(),
  ] as { headers: Record<string, unknown> }[];
  for (const { headers } of answers) expect(headers.date).toBe(date);
  cosmos.act('advanceClock', { seconds: 3600 });
  expect((await container.item('a', 'u').read()).headers.date).toBe(
    new Date(1_900_003_600_000).toUTCString(),
  );
});

test('items can be made older, those of a prefix alone, and expire by it', async () => {
  const { cosmos, container } = await openForTest({ defaultTtl: 1000 });
  for (const id of ['~seg|a', 'seg', '~SEG|b', '%']) cosmos.put({ id, userId: 'u' });
  const read = async (id: string) => (await container.item(id, 'u').read()).resource;
  const before = await read('~seg|a');
  expect(cosmos.act('ageItems', { seconds: 600, idPrefix: '~seg|' })).toEqual({ aged: 1 });
  expect(await read('~seg|a')).toEqual({ ...before, _ts: before._ts - 600 });
  expect((await read('seg'))._ts).toBeGreaterThanOrEqual(before._ts);
  expect(cosmos.act('ageItems', { seconds: 1, idPrefix: '%' })).toEqual({ aged: 1 });
  expect(cosmos.act('ageItems', { seconds: 600 })).toEqual({ aged: 4 });
  expect(cosmos.items().map(({ id }) => id)).toEqual(['seg', '~SEG|b', '%']);
  expect(() => cosmos.act('ageItems', {})).toThrow(/seconds/);
  expect(() => cosmos.act('ageItems', { seconds: -1 })).toThrow(/seconds/);
  expect(() => cosmos.act('ageItems', { seconds: 1, prefix: 'a' })).toThrow(/prefix/);
});
