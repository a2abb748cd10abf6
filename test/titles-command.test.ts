import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { titleFor } from '../emulators/chat-completions/title.ts';
import { onlyLineOf, resultOf, startCommand } from './command.ts';
import { runHere } from './command-here.ts';
import { conversation, setTheScene, timeOf, turn } from './setting.ts';

async function withItems(environment: Record<string, string> = {}) {
  const scene = await setTheScene();
  const own = { ...scene.stack.environment, ...environment };
  return {
    ...scene,
    environment: own,
    /** Stores a conversation as the worker or somebody else has left it. */
    store(fields: Record<string, unknown> = {}) {
      const { snapshot } = conversation(1);
      const item = {
        ...{ id: snapshot.sessionId, sessionId: snapshot.sessionId, userId: snapshot.userId },
        ...{
          title: 'New Conversation',
          createdAt: timeOf(0),
          lastActivity: timeOf(0),
          persistedAt: timeOf(1),
        },
        messages: snapshot.messages,
        ...fields,
      };
      scene.stack.cosmos.put(JSON.parse(JSON.stringify(item)));
      return item;
    },
    titles: (...args: string[]) => runHere(own, ['titles', '--json', '--rate', '1000', ...args]),
  };
}

const wordsOf = ({ messages }: { messages: { content: string }[] }): string => messages[0]!.content;

describe('giving titles', () => {
  test('to all that have none, of whatever user, and to nobody else', async () => {
    const { store, titles, item, stack } = await withItems();
    const untitled = [
      store(),
      store({ userId: 'user_002' }),
      store({ title: undefined }),
      store({ title: '' }),
      store({ title: null }),
      store({ titleRefused: false, custom: { kept: true } }),
    ];
    const others = [
      store({ title: 'Named' }),
      store({ titleRefused: true }),
      store({ deletedAt: timeOf(2) }),
      store({ id: '~seg|1', type: 'segment' }),
      store({ messages: 'of somebody else' }),
    ].map((each) => item(each.userId as string, each.id as string));
    const wordless = store({ messages: [{ role: 'user', content: null }] });
    const done = await titles();
    expect(done.code).toBe(0);
    expect(resultOf(done)).toMatchObject({ untitled: 7, titled: 6, wordless: 1, left: 0, failed: {} });
    for (const before of untitled) {
      const { _etag, _ts, ...now } = item(before.userId as string, before.id)!;
      expect(now).toMatchObject({ ...JSON.parse(JSON.stringify(before)), title: titleFor(wordsOf(before)) });
    }
    expect(others).toEqual(others.map((each) => item(each!.userId as string, each!.id as string)));
    expect(item(wordless.userId, wordless.id)?.title).toBe('New Conversation');
    expect(stack.chat.counters().requests).toBe(6);
    expect(resultOf(await titles())).toMatchObject({ untitled: 1, titled: 0, wordless: 1 });
  });

  test('from the beginning of a conversation, also where that is on another page', async () => {
    const { store, titles, item, stack } = await withItems();
    const first = turn('first', 0, 'Where do swallows spend the winter?');
    const head = store({ segments: [{ id: '~seg|a', count: 2, bytes: 10, digest: 'x' }] });
    stack.cosmos.put({
      id: '~seg|a',
      type: 'segment',
      sessionId: head.sessionId,
      userId: head.userId,
      messages: first,
    });
    expect(resultOf(await titles())).toMatchObject({ untitled: 1, titled: 1 });
    expect(item(head.userId, head.id)?.title).toBe(titleFor(first[0]!.content));
  });

  test('thousands of them, over several pages of the query', async () => {
    const { store, titles, stack } = await withItems({ TITLE_MAX_CONCURRENCY: '32' });
    for (let index = 0; index < 1_200; index += 1) store({ userId: `user_${index % 50}` });
    const done = await titles();
    expect(resultOf(done)).toMatchObject({ untitled: 1_200, titled: 1_200 });
    expect(stack.cosmos.items().some(({ title }) => title === 'New Conversation')).toBe(false);
  });

  test('--dry-run counts, and asks for nothing', async () => {
    const { store, titles, stack } = await withItems();
    store();
    store();
    const done = await titles('--dry-run');
    expect(done).toMatchObject({ code: 0, stderr: '2 conversations have no title.\n' });
    expect(resultOf(done)).toMatchObject({ dryRun: true, untitled: 2, titled: 0 });
    expect(stack.chat.counters().requests).toBe(0);
    expect(stack.cosmos.items().every(({ title }) => title === 'New Conversation')).toBe(true);
  });

  test('never over the name that a user gives meanwhile', async () => {
    const { store, environment, item, stack } = await withItems();
    const before = store();
    await stack.chat.setFaults({ latencyMs: 1_500 });
    const command = startCommand(environment, ['titles', '--json']);
    await expect.poll(() => stack.chat.counters().requests).toBe(1);
    stack.cosmos.put({ ...before, title: 'By its user' });
    const done = await command.ended;
    expect(done.code).toBe(0);
    expect(resultOf(done)).toMatchObject({ titled: 0, overtaken: 1 });
    expect(item(before.userId, before.id)?.title).toBe('By its user');
  });
});

describe('a model', () => {
  test('that refuses one for good is not asked for it again', async () => {
    const { store, titles, item, stack } = await withItems();
    const [bad, good] = [store({ messages: turn('bad', 0, 'forbidden words') }), store()];
    await stack.chat.setFaults({ contentFilter: 'forbidden' });
    const done = await titles();
    expect(done.code).toBe(0);
    expect(resultOf(done)).toMatchObject({ titled: 1, refused: 1 });
    expect(item(bad.userId, bad.id)).toMatchObject({ title: 'New Conversation', titleRefused: true });
    expect(item(good.userId, good.id)?.title).toBe(titleFor(wordsOf(good)));
    expect(resultOf(await titles())).toMatchObject({ untitled: 0 });
  });

  test('whose answers are no titles leaves them as they are, which the exit code tells', async () => {
    const { store, titles, item, stack } = await withItems();
    const before = store();
    await stack.chat.setFaults({ answer: 'word '.repeat(40) });
    const done = await titles();
    expect(done.code).toBe(2);
    expect(resultOf(done)).toMatchObject({ titled: 0, failed: { TitleUnusable: 1 } });
    expect(done.stderr).toMatch(/1 {2}have none yet:\n +1 {2}TitleUnusable/);
    expect(item(before.userId, before.id)?.title).toBe('New Conversation');
  });

  test('that is away is waited for', async () => {
    const { store, environment, stack } = await withItems({ TITLE_TIMEOUT_SECONDS: '2' });
    for (let index = 0; index < 8; index += 1) store();
    await stack.chat.setFaults({ status: { code: 503 } });
    const command = startCommand(environment, ['titles', '--json', '--rate', '100']);
    await expect.poll(command.stderr).toContain('TitleUnavailable');
    await stack.chat.setFaults({ status: undefined });
    const done = await command.ended;
    expect(done.code).toBe(0);
    expect(resultOf(done)).toMatchObject({ titled: 8, failed: {} });
    expect(done.stderr).toContain('answers again');
  });

  test('that fails for one alone is given up for that one', async () => {
    const { store, titles, stack } = await withItems({ TITLE_TIMEOUT_SECONDS: '2' });
    store();
    await stack.chat.setFaults({ status: { code: 500 } });
    const done = await titles();
    expect(done.code).toBe(2);
    expect(resultOf(done)).toMatchObject({ titled: 0, failed: { TitleUnavailable: 1 } });
  });

  test('never uses more tokens than the budget; the next run does the rest', async () => {
    const { store, titles, stack } = await withItems();
    for (let index = 0; index < 40; index += 1) store();
    const bounded = await titles('--max-tokens', '4000');
    expect(bounded.code).toBe(2);
    const { titled, left, tokens } = resultOf(bounded) as Record<string, number>;
    const { promptTokens, completionTokens } = stack.chat.counters();
    expect(tokens).toBe(promptTokens + completionTokens);
    expect(tokens).toBeLessThanOrEqual(4_000);
    expect(titled).toBeGreaterThan(3);
    expect(left).toBe(40 - titled!);
    expect(bounded.stderr).toContain('budget of 4000 tokens');
    expect(resultOf(await titles())).toMatchObject({ untitled: left, titled: left });
  });

  test.each([
    ['is late, and may have worked all the same', undefined],
    ['answers without a word on tokens', { choices: [{ message: { content: 'A title of some kind' } }] }],
  ])('that %s is counted with the most that it may have used', async (_, answer) => {
    const { store, environment } = await withItems({ TITLE_TIMEOUT_SECONDS: '1' });
    for (let index = 0; index < 8; index += 1) store();
    let requests = 0;
    const model = createServer((_request, response) => {
      requests += 1;
      if (answer) response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
    }).listen(0, '127.0.0.1');
    await once(model, 'listening');
    onTestFinished(() => {
      model.closeAllConnections();
      model.close();
    });
    const { port } = model.address() as AddressInfo;
    const endpoint = `http://127.0.0.1:${port}/openai/deployments/gpt-4`;
    const bounded = await runHere({ ...environment, AZURE_AI_CHAT_ENDPOINT: endpoint }, [
      ...['titles', '--json', '--rate', '1000', '--max-tokens', '3000'],
    ]);
    expect(bounded.code).toBe(2);
    expect(requests).toBe(2);
    expect(resultOf(bounded)).toMatchObject({ titled: answer ? 2 : 0 });
    expect(resultOf(bounded).tokens).toBeGreaterThan(2_000);
    expect(resultOf(bounded).tokens).toBeLessThanOrEqual(3_000);
    expect(bounded.stderr).toContain('Of 2 requests the model has not said it.');
  });

  test('is not asked at all where one request might exceed the budget', async () => {
    const { store, titles, stack } = await withItems();
    store();
    expect(resultOf(await titles('--max-tokens', '500'))).toMatchObject({ titled: 0, left: 1 });
    expect(stack.chat.counters().requests).toBe(0);
  });
});

test('an interruption reports what was done, and the next run does the rest', async () => {
  const { store, environment, titles, stack } = await withItems();
  for (let index = 0; index < 30; index += 1) store();
  const named = () => stack.cosmos.items().filter(({ title }) => title !== 'New Conversation').length;
  const command = startCommand(environment, ['titles', '--json', '--rate', '10']);
  await expect.poll(named).toBeGreaterThan(2);
  const before = named();
  await expect.poll(named).toBeGreaterThan(before + 9);
  command.kill('SIGINT');
  const done = await command.ended;
  expect(done.code).toBe(3);
  const left = 30 - named();
  expect(resultOf(done)).toMatchObject({ interrupted: true, titled: 30 - left, left });
  expect(resultOf(await titles())).toMatchObject({ untitled: left, titled: left });
});

test('an outage of Cosmos DB is waited for, and an answer whose storing failed is stored after it', async () => {
  const { store, environment, stack } = await withItems();
  const before = store();
  await stack.chat.setFaults({ latencyMs: 1_000 });
  const command = startCommand(environment, ['titles', '--json']);
  await expect.poll(() => stack.chat.counters().requests).toBe(1);
  stack.cosmos.setFaults({ status: { code: 503, operations: ['patch'] } });
  await expect.poll(command.stderr).toContain('StoreUnavailable');
  stack.cosmos.setFaults({ status: null });
  const done = await command.ended;
  expect(resultOf(done)).toMatchObject({ titled: 1 });
  expect(stack.chat.counters().requests).toBe(1);
  expect(stack.cosmos.read(before.userId, before.id)?.title).toBe(titleFor(wordsOf(before)));
});

test('an interruption while it waits to list anything is told as one', async () => {
  const { stack } = await setTheScene();
  stack.cosmos.setFaults({ status: { code: 503, operations: ['query'] } });
  const command = startCommand(stack.environment, ['titles', '--json']);
  await expect.poll(command.stderr).toContain('waiting for it to pass');
  command.kill('SIGINT');
  const ended = await command.ended;
  expect(ended.code).toBe(3);
  expect(onlyLineOf(ended)).toMatchObject({ error: { code: 'Interrupted' } });
});
