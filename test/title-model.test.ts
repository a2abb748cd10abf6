import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { openChatCompletions } from '../src/azure/chat-completions.ts';
import { readConfig } from '../src/config.ts';

type Answered = { status?: number; headers?: Record<string, string>; choice?: object };

/** A model whose API refuses a parameter in a form of its own, or answers the nth request as it likes. */
async function model(
  refuse: (body: Record<string, unknown>) => object | undefined,
  answer: (nth: number) => Answered = () => ({}),
) {
  const bodies: Record<string, unknown>[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const body = JSON.parse(text) as Record<string, unknown>;
    bodies.push(body);
    const error = refuse(body);
    const { status = error ? 400 : 200, headers = {}, choice } = answer(bodies.length);
    const message = { role: 'assistant', content: 'A Fine Title' };
    const choices = [{ finish_reason: 'stop', message, ...choice }];
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(error ? { error } : { choices }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
  const config = readConfig({
    SERVICEBUS_FULLY_QUALIFIED_NAMESPACE: 'x',
    COSMOS_ENDPOINT: 'https://x',
    COSMOS_DATABASE_NAME: 'x',
    COSMOS_CONTAINER_NAME: 'x',
    REDIS_HOST: 'x',
    AZURE_AI_CHAT_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}/openai/deployments/x`,
    AZURE_AI_API_KEY: 'key',
  });
  const titles = openChatCompletions(config, { getToken: () => Promise.reject(new Error('keys only')) });
  return { bodies, ask: () => titles.ask([{ role: 'user', text: 'Hello' }]) };
}

test.each([
  ['by param', { code: 'unsupported_parameter', param: 'max_completion_tokens', message: 'no' }],
  [
    'in the message alone, as older API versions do',
    { code: null, param: null, message: 'Unrecognized request argument supplied: max_completion_tokens' },
  ],
])(
  'a model that names the refused parameter %s is coped with, also by requests at once',
  async (_, error) => {
    const { ask, bodies } = await model((body) => ('max_completion_tokens' in body ? error : undefined));
    expect(await Promise.all([ask(), ask(), ask(), ask()])).toEqual(Array(4).fill('A Fine Title'));
    const before = bodies.length;
    await ask();
    expect(bodies.slice(before)).toEqual([expect.objectContaining({ max_tokens: 1000 })]);
  },
);

test('another 400 is a failure, and its text is not passed on', async () => {
  const { ask } = await model(() => ({
    code: 'invalid',
    param: 'messages',
    message: 'the words of the conversation',
  }));
  await expect(ask()).rejects.toMatchObject({
    code: 'TitleUnavailable',
    message: expect.not.stringContaining('words'),
  });
});

const willing = (): undefined => undefined;

test('what was cut at the limit of tokens is no title, and what was filtered is a refusal for good', async () => {
  const cut = await model(willing, () => ({ choice: { finish_reason: 'length' } }));
  expect(await cut.ask()).toBe('');
  const filtered = await model(willing, () => ({ choice: { finish_reason: 'content_filter' } }));
  await expect(filtered.ask()).rejects.toMatchObject({ code: 'TitleRefused' });
  const none = await model(willing, () => ({ choice: { message: { role: 'assistant', content: null } } }));
  expect(await none.ask()).toBe('');
});

test('a request is tried again a few times, after as long as the model says', async () => {
  const soon = { headers: { 'retry-after-ms': '1' } };
  for (const status of [429, 500, 503]) {
    const passing = await model(willing, (nth) => (nth < 3 ? { status, ...soon } : {}));
    expect(await passing.ask()).toBe('A Fine Title');
    const lasting = await model(willing, () => ({ status, ...soon }));
    await expect(lasting.ask()).rejects.toMatchObject({ code: 'TitleUnavailable' });
    expect(lasting.bodies).toHaveLength(3);
  }
  const refused = await model(willing, () => ({ status: 401, ...soon }));
  await expect(refused.ask()).rejects.toMatchObject({ code: 'TitleUnavailable' });
  expect(refused.bodies).toHaveLength(1);
});
