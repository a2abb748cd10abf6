import OpenAI, { type APIError } from 'openai';
import type { ChatCompletionCreateParamsNonStreaming as Parameters } from 'openai/resources';
import { expect, onTestFinished, test } from 'vitest';
import { startChatCompletions } from './index.ts';

async function setUp() {
  const chat = await startChatCompletions();
  onTestFinished(() => chat.close());
  const client = new OpenAI({ baseURL: chat.v1Url, apiKey: chat.apiKey, maxRetries: 0 });
  const ask = (parameters: Partial<Parameters>) =>
    client.chat.completions.create({
      ...{ model: 'gpt-4', messages: [{ role: 'user', content: 'Bake bread as JSON' }] },
      ...parameters,
    });
  return { chat, ask };
}
const title = 'Bake bread JSON';
const tools: Parameters['tools'] = [{ type: 'function', function: { name: 'bake' } }];
const schemaOf = (schema: Record<string, unknown>): Partial<Parameters> => ({
  response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } },
});

test('as many choices as are asked for are given and counted, and answers that take turns do so in them', async () => {
  const { chat, ask } = await setUp();
  const one = await ask({});
  const three = await ask({ n: 3 });
  expect(three.choices.map(({ index, message }) => [index, message.content])).toEqual([
    [0, title],
    [1, title],
    [2, title],
  ]);
  expect(three.usage!.completion_tokens).toBe(3 * one.usage!.completion_tokens);
  expect(three.usage!.prompt_tokens).toBe(one.usage!.prompt_tokens);
  chat.setFaults({ answer: ['a', 'b', 'c'] });
  const contents = async (n: number) => (await ask({ n })).choices.map(({ message }) => message.content);
  expect([await contents(2), await contents(2)]).toEqual([
    ['a', 'b'],
    ['c', 'a'],
  ]);
});

test('JSON is answered where it is asked for, of the shape that is asked for', async () => {
  const { ask } = await setUp();
  const answered = async (parameters: Partial<Parameters>) =>
    JSON.parse((await ask(parameters)).choices[0]!.message.content!);
  expect(await answered({ response_format: { type: 'json_object' } })).toEqual({ title });
  const schema = {
    type: 'object',
    properties: {
      name: { type: 'string', description: 'what it is called' },
      language: { enum: ['en', 'de'] },
      version: { const: 2 },
      note: { type: ['null', 'string'] },
      inner: { type: 'object', properties: { sure: { type: 'boolean' }, words: { type: 'integer' } } },
      tags: { type: 'array', items: { type: 'string' } },
    },
    required: ['name', 'language', 'version', 'note', 'inner', 'tags'],
    additionalProperties: false,
  };
  expect(await answered(schemaOf(schema))).toEqual({
    ...{ name: title, language: 'en', version: 2, note: null, inner: { sure: false, words: 0 }, tags: [] },
  });
});

test('a stop sequence ends an answer before it', async () => {
  const { ask } = await setUp();
  const { choices } = await ask({ stop: ['JSON', 'bread'] });
  expect(choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'Bake ' } });
  expect((await ask({ stop: 'none of it' })).choices[0]!.message.content).toBe(title);
});

test('tools that may be called or not are not called', async () => {
  const { ask } = await setUp();
  for (const choice of [{}, { tool_choice: 'auto' }, { tool_choice: 'none' }] as const) {
    const { message, finish_reason } = (await ask({ tools, ...choice })).choices[0]!;
    expect([finish_reason, message.content, message.tool_calls]).toEqual(['stop', title, undefined]);
  }
});

test('what only steers a model is taken', async () => {
  const { ask } = await setUp();
  const steering: Partial<Parameters> = {
    ...{ top_p: 0.1, presence_penalty: 1, frequency_penalty: -1, seed: 1, user: 'u', metadata: { a: 'b' } },
    ...{ stream: false, logprobs: false, response_format: { type: 'text' }, store: false, stop: null },
  };
  expect((await ask(steering)).choices[0]!.message.content).toBe(title);
});

const part = (type: string) => [{ role: 'user', content: [{ type, image_url: { url: 'data:,' } }] }];
test.each<[string, object, string | null]>([
  ['stream', { stream: true }, 'unsupported_parameter'],
  ['stream_options', { stream_options: { include_usage: true } }, null],
  ['n', { n: 0 }, 'invalid_value'],
  ['n', { n: 129 }, 'invalid_value'],
  ['n', { n: '2' }, 'invalid_value'],
  ['tool_choice', { tools, tool_choice: 'required' }, 'unsupported_parameter'],
  [
    'tool_choice',
    { tools, tool_choice: { type: 'function', function: { name: 'bake' } } },
    'unsupported_parameter',
  ],
  ['tool_choice', { tool_choice: 'auto' }, null],
  ['tools', { tools: [] }, 'invalid_value'],
  ['functions', { functions: [{ name: 'bake' }] }, 'unsupported_parameter'],
  ['logprobs', { logprobs: true }, 'unsupported_parameter'],
  ['logit_bias', { logit_bias: { 1: 100 } }, 'unsupported_parameter'],
  ['modalities', { modalities: ['text', 'audio'] }, 'unsupported_parameter'],
  ['stop', { stop: ['a', 'b', 'c', 'd', 'e'] }, 'invalid_value'],
  ['best_of', { best_of: 2 }, 'unknown_parameter'],
  ['messages[0].content[0].type', { messages: part('image_url') }, 'invalid_value'],
  ['messages[0].content', { messages: [{ role: 'user', content: null }] }, 'invalid_value'],
  ['messages[0].role', { messages: [{ role: 'robot', content: 'x' }] }, 'invalid_value'],
  ['response_format.type', { response_format: { type: 'xml' } }, 'invalid_value'],
  ['response_format.json_schema', { response_format: { type: 'json_schema' } }, 'invalid_value'],
  [
    'messages',
    { messages: [{ role: 'user', content: 'x' }], response_format: { type: 'json_object' } },
    null,
  ],
  [
    'response_format.json_schema.schema.properties.a.pattern',
    schemaOf({ type: 'object', properties: { a: { type: 'string', pattern: '^x$' } } }),
    'unsupported_value',
  ],
  [
    'response_format.json_schema.schema.properties.a',
    schemaOf({ type: 'object', properties: { a: true } }),
    'unsupported_value',
  ],
  [
    'response_format.json_schema.schema.anyOf',
    schemaOf({ anyOf: [{ type: 'string' }] }),
    'unsupported_value',
  ],
])('%s is refused by name in %o', async (param, parameters, code) => {
  const { chat, ask } = await setUp();
  const error = await ask(parameters as Partial<Parameters>).then(
    () => expect.fail('it was answered'),
    (refused: APIError) => refused,
  );
  expect(error).toMatchObject({ status: 400, type: 'invalid_request_error', param, code });
  expect(chat.counters()).toMatchObject({ answered: 0, refused: { 400: 1 } });
});

test('a reasoning model refuses what steers the others', async () => {
  const { chat, ask } = await setUp();
  chat.setFaults({ reasoningModel: true });
  for (const param of ['top_p', 'presence_penalty', 'frequency_penalty'])
    await expect(ask({ [param]: 0.5 })).rejects.toMatchObject({ status: 400, param });
  const { usage } = await ask({ n: 2 });
  expect(usage!.completion_tokens_details!.reasoning_tokens).toBe(2 * 192);
});
