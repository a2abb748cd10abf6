import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { openChatCompletions } from '../src/azure/chat-completions.ts';
import { readConfig } from '../src/config.ts';

/** A model whose API refuses a parameter in a form of its own. */
async function model(refuse: (body: Record<string, unknown>) => object | undefined) {
  const bodies: Record<string, unknown>[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const body = JSON.parse(text) as Record<string, unknown>;
    bodies.push(body);
    const error = refuse(body);
    const choices = [{ finish_reason: 'stop', message: { role: 'assistant', content: 'A Fine Title' } }];
    response.writeHead(error ? 400 : 200, { 'content-type': 'application/json' });
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
