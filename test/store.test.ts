import { describe, expect, onTestFinished, test } from 'vitest';
import { type CosmosOptions, startCosmos } from '../emulators/cosmos/index.ts';
import { openCosmos } from '../src/azure/cosmos.ts';
import { readConfig } from '../src/config.ts';
import { newDocument } from '../src/history/document.ts';
import { conversation } from './setting.ts';

async function open(options: CosmosOptions = {}) {
  const cosmos = await startCosmos({ database: 'db', container: 'history', ...options });
  onTestFinished(() => cosmos.close());
  const config = readConfig({
    SERVICEBUS_FULLY_QUALIFIED_NAMESPACE: 'x',
    REDIS_HOST: 'x',
    AZURE_AI_CHAT_ENDPOINT: 'https://x/openai/deployments/x',
    COSMOS_ENDPOINT: cosmos.endpoint,
    COSMOS_KEY: cosmos.key,
    COSMOS_DATABASE_NAME: 'db',
    COSMOS_CONTAINER_NAME: 'history',
  });
  const store = await openCosmos(config, { getToken: () => Promise.reject(new Error('keys only')) });
  onTestFinished(() => store.close());
  return { cosmos, store };
}
const document = (title?: string) =>
  newDocument(conversation().snapshot as never, { title, persistedAt: '2026-03-01T12:00:00Z' });

/** The etag is that of what is there now. */
const written = { etag: expect.stringMatching(/^".+"$/) };

describe('writes hold only under their condition', () => {
  test('a replace loses against whoever wrote since the read, and changes nothing', async () => {
    const { cosmos, store } = await open();
    const mine = document('Mine');
    expect(await store.create(mine)).toEqual(written);
    const { etag } = (await store.read(mine))!;
    cosmos.put({ ...mine, title: 'Theirs' });
    expect(await store.replace({ ...mine, title: 'Lost' }, etag)).toBe('conflict');
    expect(cosmos.read(mine.userId, mine.id)?.title).toBe('Theirs');
    const now = (await store.read(mine))!;
    expect(await store.replace({ ...mine, title: 'Won' }, now.etag)).toEqual(written);
  });

  test('an append adds at the end and sets its fields, under the etag that the write before it answered', async () => {
    const { cosmos, store } = await open();
    const mine = document('Mine');
    const created = (await store.create(mine)) as { etag: string };
    const said = [
      { messageId: 'later_user', role: 'user', content: 'and?' },
      { messageId: 'later_assistant', role: 'assistant', content: 'so' },
    ];
    const fields = { lastActivity: '2026-04-01T00:00:00Z', persistedAt: '2026-04-01T00:00:01Z' };
    const appended = { ...fields, title: 'Named', messages: said };
    const first = await store.append(mine, appended, created.etag);
    expect(first).toEqual(written);
    const whole = { ...mine, ...fields, title: 'Named', messages: [...mine.messages, ...said] };
    expect(await store.read(mine)).toEqual({ item: expect.objectContaining(whole), ...(first as object) });
    // Sent twice, by a gateway or a client: the second finds another etag.
    expect(await store.append(mine, appended, created.etag)).toBe('conflict');
    expect(cosmos.read(mine.userId, mine.id)?.messages).toHaveLength(whole.messages.length);
    const most = { ...appended, titleRefused: true as const, messages: Array(6).fill(said[0]) };
    expect(await store.append(mine, most, (first as { etag: string }).etag)).toEqual(written);
    expect(await store.append(document('Gone'), appended, created.etag)).toBe('conflict');
  });

  test('a create loses against an item that is there; a replace of one that is gone is a conflict too', async () => {
    const { cosmos, store } = await open();
    const mine = document('Mine');
    cosmos.put({ ...mine, title: 'Theirs' });
    expect(await store.create(mine)).toBe('conflict');
    expect(cosmos.read(mine.userId, mine.id)?.title).toBe('Theirs');
    expect(await store.replace(document(), '"gone"')).toBe('conflict');
    expect(await store.read(document())).toBeUndefined();
  });

  test.each([
    ['the fallback', { title: 'New Conversation' }, written],
    ['no title', { title: undefined }, written],
    ["a user's title", { title: 'Renamed' }, 'conflict'],
    ['a tombstone', { title: 'New Conversation', deletedAt: '2026-03-02T00:00:00Z' }, 'conflict'],
    ["another service's tombstone", { title: 'New Conversation', deletedAt: 1_772_409_600 }, 'conflict'],
    ['what has an empty mark', { title: 'New Conversation', deletedAt: null }, written],
  ])('a title is set over %s: %s', async (_, fields, result) => {
    const { cosmos, store } = await open();
    const stored = { ...document(), ...fields };
    cosmos.put(JSON.parse(JSON.stringify(stored)));
    expect(await store.setTitle(stored, { title: 'Generated' })).toEqual(result);
    expect(cosmos.read(stored.userId, stored.id)?.title).toBe(
      result === written ? 'Generated' : fields.title,
    );
  });
});

describe('what Cosmos DB says', () => {
  test.each([
    [408, undefined, 'StoreUnavailable'],
    [410, undefined, 'StoreUnavailable'],
    [449, undefined, 'StoreUnavailable'],
    [500, undefined, 'StoreUnavailable'],
    [503, undefined, 'StoreUnavailable'],
    [401, undefined, 'StoreMisconfigured'],
    [403, undefined, 'StoreMisconfigured'],
    [403, 1014, 'PartitionFull'],
    [400, undefined, 'RejectedByStore'],
    [400, 1001, 'StoreMisconfigured'],
    [404, 1002, 'StoreUnavailable'],
    [404, 1003, 'StoreMisconfigured'],
    [413, undefined, 'RejectedByStore'],
  ])('%s/%s to a write is %s', async (code, substatus, expected) => {
    const { cosmos, store } = await open();
    cosmos.setFaults({ status: { code, ...(substatus ? { substatus } : {}), operations: ['create'] } });
    await expect(store.create(document())).rejects.toMatchObject({ name: 'Failure', code: expected });
  });

  test('a 429 tells how long to stay away', async () => {
    const { cosmos, store } = await open();
    cosmos.setFaults({ status: { code: 429, substatus: 3200, retryAfterMs: 70, operations: ['create'] } });
    await expect(store.create(document())).rejects.toMatchObject({
      code: 'StoreThrottled',
      retryAfterMs: 70,
    });
  });

  test('a container that goes missing is no lost race either', async () => {
    const { cosmos, store } = await open();
    const mine = document();
    cosmos.setFaults({ status: { code: 404, substatus: 1003, operations: ['replace', 'patch'] } });
    const missing = { name: 'Failure', code: 'StoreMisconfigured' };
    await expect(store.replace(mine, '"e"')).rejects.toMatchObject(missing);
    await expect(store.append(mine, { ...mine, messages: [] }, '"e"')).rejects.toMatchObject(missing);
    await expect(store.setTitle(mine, { title: 'Generated' })).rejects.toMatchObject(missing);
  });

  test('a container that goes missing is no missing item', async () => {
    const { cosmos, store } = await open();
    await cosmos.act('deleteContainer');
    await expect(store.read(document())).rejects.toMatchObject({ code: 'StoreMisconfigured' });
    await expect(store.readSegment(document(), '~seg|x')).rejects.toMatchObject({
      code: 'StoreMisconfigured',
    });
  });

  test('nor is what a replica that lags does not have yet', async () => {
    const { cosmos, store } = await open();
    expect(await store.read(document())).toBeUndefined();
    expect(await store.readSegment(document(), '~seg|x')).toBeUndefined();
    cosmos.setFaults({ status: { code: 404, substatus: 1002, operations: ['read'] } });
    await expect(store.read(document())).rejects.toMatchObject({ code: 'StoreUnavailable' });
    await expect(store.readSegment(document(), '~seg|x')).rejects.toMatchObject({ code: 'StoreUnavailable' });
  });

  test('an account with several write regions, a missing container and another key are refused at the start', async () => {
    await expect(open({ multipleWriteRegions: true })).rejects.toMatchObject({
      code: 'StoreMisconfigured',
      message: expect.stringContaining('write regions'),
    });
    await expect(open({ partitionKeyPath: '/tenant' })).rejects.toMatchObject({
      code: 'StoreMisconfigured',
      message: expect.stringContaining('/tenant'),
    });
    await expect(open({ container: 'other' })).rejects.toMatchObject({ code: 'StoreMisconfigured' });
  });
});
