import { expect, onTestFinished, test } from 'vitest';
import { openReader } from '../src/reader.ts';
import { setTheScene } from './setting.ts';
import { openTwoRanges } from './two-ranges.ts';

const USER = 'user_001';
/** Ten a second, so that pages end between conversations of one time. */
const stored = (index: number) => ({
  id: `sess_${index}`,
  sessionId: `sess_${index}`,
  userId: USER,
  title: `Number ${index}`,
  createdAt: '2026-03-01T10:00:00Z',
  lastActivity: new Date(Date.UTC(2026, 2, 1) + Math.floor(index / 10) * 1_000).toISOString(),
  persistedAt: '2026-03-01T10:00:00Z',
  messages: [],
});

function reading(access: { endpoint: string; key: string; database: string; container: string }) {
  const { endpoint, key, database, container } = access;
  const reader = openReader({ endpoint, access: { key }, database, container });
  onTestFinished(() => reader.close());
  async function listAll(userId: string, pageSize: number) {
    const pages = [];
    for (let continuation: string | undefined, isFirst = true; isFirst || continuation; isFirst = false) {
      const page = await reader.list(userId, { pageSize, ...(continuation ? { continuation } : {}) });
      pages.push(page.conversations);
      continuation = page.continuation;
    }
    return pages;
  }
  return { reader, listAll };
}

const times = (conversations: { lastActivity: string }[]) =>
  conversations.map(({ lastActivity }) => lastActivity);

for (const partitionKeyPath of ['/userId', '/sessionId'])
  test(`a user's conversations are listed page by page, each once, from a container keyed by ${partitionKeyPath}`, async () => {
    const { stack } = await setTheScene({ partitionKeyPath });
    const items = Array.from({ length: 203 }, (_, index) => stored(index));
    for (const item of items) stack.cosmos.put(item);
    stack.cosmos.put({ ...stored(900), userId: 'user_002' });
    stack.cosmos.put({ ...stored(901), deletedAt: '2026-03-01T10:00:00Z' });
    const { COSMOS_ENDPOINT, COSMOS_KEY, COSMOS_DATABASE_NAME, COSMOS_CONTAINER_NAME } = stack.keys;
    const { listAll, reader } = reading({
      endpoint: COSMOS_ENDPOINT!,
      key: COSMOS_KEY!,
      database: COSMOS_DATABASE_NAME!,
      container: COSMOS_CONTAINER_NAME!,
    });
    const pages = await listAll(USER, 25);
    expect(pages.map(({ length }) => length)).toEqual([...Array(8).fill(25), 3]);
    expect(times(pages.flat())).toEqual(times(items.toReversed()));
    expect(new Set(pages.flat().map(({ id }) => id)).size).toBe(203);
    // A page that ends with the last of them is the last page.
    expect((await listAll(USER, 203)).map(({ length }) => length)).toEqual([203]);
    expect(await listAll('nobody', 25)).toEqual([[]]);
    for (const continuation of ['', 'garbage', 'bnVsbA', 'e30'])
      await expect(reader.list(USER, { continuation })).rejects.toThrow('none that a list has given');
  });

test('where several physical partitions have to be sorted by the client, the list does not end with its first page', async () => {
  const items = Array.from({ length: 203 }, (_, index) => stored(index));
  const { endpoint, queries } = await openTwoRanges(items);
  const { listAll } = reading({ endpoint, key: 'a2V5', database: 'd', container: 'c' });
  const pages = await listAll(USER, 25);
  expect(pages.map(({ length }) => length)).toEqual([...Array(8).fill(25), 3]);
  expect(times(pages.flat())).toEqual(times(items.toReversed()));
  expect(new Set(pages.flat().map(({ id }) => id)).size).toBe(203);
  expect(queries.length).toBeGreaterThan(pages.length);
});
