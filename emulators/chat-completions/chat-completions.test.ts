import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI, { type APIError, AzureOpenAI } from 'openai';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { makeCertificate } from '../certificate.ts';
import { type ChatOptions, startChatCompletions } from './index.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

const user = (content: string) => ({ messages: [{ role: 'user' as const, content }] });
const versioned = { defaultQuery: { 'api-version': '2024-10-21' } };

async function setUp(options: ChatOptions = {}) {
  const chat = await startChatCompletions(options);
  cleanUp.push(() => chat.close());
  const client = new OpenAI({ baseURL: chat.v1Url, apiKey: chat.apiKey, maxRetries: 0, timeout: 5_000 });
  const ask = (text: string, parameters = {}) =>
    client.chat.completions.create({ model: chat.deployment, ...user(text), ...parameters });
  const titleOf = async (text: string) => (await ask(text)).choices[0]!.message.content;
  return { chat, client, ask, titleOf };
}

/** What the official client makes of a refusal. */
async function refusal(promise: Promise<unknown>): Promise<APIError> {
  return promise.then(
    () => expect.fail('it was answered'),
    (error: APIError) => error,
  );
}

describe('the service', () => {
  test('is reached by deployment, which needs an api-version', async () => {
    const { chat } = await setUp();
    const given = { baseURL: chat.baseUrl, apiKey: 'unused', defaultHeaders: { 'api-key': chat.apiKey } };
    const ask = (client: OpenAI) =>
      client.chat.completions.create({ model: 'any', ...user('Sort lists in Python') });
    const answer = await ask(new OpenAI({ ...given, ...versioned }));
    expect(answer.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { role: 'assistant', content: 'Sort lists Python' },
    });
    expect(await refusal(ask(new OpenAI(given)))).toMatchObject({ status: 404, code: '404' });
    const azure = new AzureOpenAI({
      ...{ endpoint: new URL(chat.baseUrl).origin, apiKey: chat.apiKey, apiVersion: '2024-10-21' },
      deployment: chat.deployment,
    });
    expect((await ask(azure)).model).toBe(chat.deployment);
    const elsewhere = new OpenAI({ ...given, ...versioned, baseURL: chat.baseUrl.replace(/gpt-4$/, 'none') });
    expect(await refusal(ask(elsewhere))).toMatchObject({ status: 404, code: 'DeploymentNotFound' });
  });

  test('is reached in the v1 form, which needs a model', async () => {
    const { ask, chat } = await setUp({ deployment: 'titles' });
    expect((await ask('Hello big world')).choices[0]!.message.content).toBe('Hello big world');
    expect(await refusal(ask('x', { model: 'other' }))).toMatchObject({
      ...{ status: 404, code: 'DeploymentNotFound' },
    });
    expect(await refusal(ask('x', { model: '' }))).toMatchObject({ status: 400, param: 'model' });
    expect(await refusal(ask('x', { messages: [] }))).toMatchObject({ status: 400, param: 'messages' });
    expect(chat.counters().refused).toEqual({ 400: 2, 404: 1 });
  });

  test('asks who is there', async () => {
    const { chat } = await setUp({ authorize: (bearer) => bearer === 'good token' });
    const ask = (baseURL: string, apiKey: string, headers = {}) =>
      new OpenAI({ baseURL, apiKey, ...versioned, defaultHeaders: headers }).chat.completions.create({
        ...{ model: chat.deployment, ...user('Hello world') },
      });
    await ask(chat.baseUrl, 'good token');
    await ask(chat.v1Url, 'good token');
    await ask(chat.v1Url, chat.apiKey);
    await ask(chat.baseUrl, 'anything', { 'api-key': chat.apiKey });
    expect(await refusal(ask(chat.baseUrl, 'bad'))).toMatchObject({ status: 401, code: '401' });
    expect(await refusal(ask(chat.baseUrl, chat.apiKey))).toMatchObject({ status: 401 });
    expect(await refusal(ask(chat.v1Url, 'good token', { 'api-key': 'bad' }))).toMatchObject({ status: 401 });
    expect(chat.counters()).toMatchObject({ requests: 7, answered: 4, refused: { 401: 3 } });
  });

  test('counts, and shows what it was asked', async () => {
    const { chat, ask } = await setUp({ latencyMs: 30 });
    const { usage } = await ask('Count the tokens', { temperature: 0.2 });
    await Promise.all(['one thing', 'two things', 'three things'].map((text) => ask(text)));
    expect(chat.requests()[0]).toMatchObject({ temperature: 0.2, ...user('Count the tokens') });
    expect(usage).toMatchObject({ prompt_tokens: 4, completion_tokens: 4, total_tokens: 8 });
    expect(chat.counters()).toMatchObject({ requests: 4, answered: 4, concurrentPeak: 3 });
    chat.resetCounters();
    expect(chat.counters()).toEqual({
      ...{ requests: 0, answered: 0, refused: {}, promptTokens: 0, completionTokens: 0, concurrentPeak: 0 },
    });
  });

  test('speaks HTTPS to a process that trusts the certificate by NODE_EXTRA_CA_CERTS', async () => {
    const certificate = await makeCertificate();
    const { chat } = await setUp({ tls: certificate });
    const folder = await mkdtemp(join(tmpdir(), 'chat-'));
    cleanUp.push(() => rm(folder, { recursive: true }));
    const ca = join(folder, 'ca.pem');
    await writeFile(ca, certificate.cert);
    const script = `const response = await fetch('${chat.tlsV1Url}chat/completions', { method: 'POST', headers: { 'api-key': '${chat.apiKey}' }, body: '{}' });
      process.exitCode = response.status === 400 ? 0 : 1;`;
    const run = async (env: NodeJS.ProcessEnv) => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], { env, stdio: 'ignore' });
      return (await once(child, 'exit'))[0] as number;
    };
    expect(await run({ ...process.env, NODE_EXTRA_CA_CERTS: ca })).toBe(0);
    expect(await run({ PATH: process.env.PATH })).toBe(1);
  });
});

describe('faults', () => {
  test('a status with the time to wait is waited for by the client', async () => {
    const { chat, client } = await setUp();
    chat.setFaults({ status: { code: 429, retryAfterMs: 120, count: 1 } });
    const started = performance.now();
    await client.withOptions({ maxRetries: 1 }).chat.completions.create({ model: 'gpt-4', ...user('Again') });
    expect(performance.now() - started).toBeGreaterThan(115);
    expect(chat.counters().refused).toEqual({ 429: 1 });
  });

  test('a status can hit every n-th request, with a body of its own', async () => {
    const { chat, ask } = await setUp();
    chat.setFaults({ status: { code: 503, every: 2, body: { error: { code: 'busy', message: 'b' } } } });
    const results = [];
    for (let index = 0; index < 4; index += 1)
      results.push(
        await ask('x').then(
          () => 200,
          ({ status, code }: APIError) => [status, code],
        ),
      );
    expect(results).toEqual([200, [503, 'busy'], 200, [503, 'busy']]);
    chat.setFaults({ status: undefined });
    await ask('x');
  });

  test('the content filter answers as Azure does', async () => {
    const { chat, ask } = await setUp();
    chat.setFaults({ contentFilter: 'forbidden' });
    expect(await refusal(ask('forbidden words'))).toMatchObject({
      ...{ status: 400, code: 'content_filter', param: 'prompt' },
      error: { innererror: { code: 'ResponsibleAIPolicyViolation' } },
    });
    await ask('harmless words');
    chat.setFaults({ contentFilter: true });
    expect(await refusal(ask('harmless words'))).toMatchObject({ code: 'content_filter' });
  });

  test('a reasoning model refuses parameters by name, and thinks before it speaks', async () => {
    const { chat, ask } = await setUp();
    chat.setFaults({ reasoningModel: true });
    expect(await refusal(ask('x', { max_tokens: 5 }))).toMatchObject({
      ...{ status: 400, code: 'unsupported_parameter', param: 'max_tokens', type: 'invalid_request_error' },
    });
    expect(await refusal(ask('x', { temperature: 0 }))).toMatchObject({
      ...{ status: 400, code: 'unsupported_value', param: 'temperature' },
    });
    const cut = await ask('Enough room', { temperature: 1, max_completion_tokens: 100 });
    expect(cut.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: '' } });
    expect(cut.usage!.completion_tokens).toBe(100);
    const whole = await ask('Enough room', { max_completion_tokens: 1_000 });
    expect(whole.choices[0]!.message.content).toBe('Enough room');
  });

  test('hostile answers come in turn, with a finish reason', async () => {
    const { chat, ask } = await setUp();
    const answers = ['"Title: a"', '<think>b', '', '\u202e'.repeat(10_000)];
    chat.setFaults({ answer: answers, finishReason: 'length' });
    for (const answer of [...answers, answers[0]])
      expect((await ask('x')).choices[0]).toMatchObject({
        finish_reason: 'length',
        message: { content: answer },
      });
    chat.setFaults({ answer: 'one', finishReason: 'content_filter' });
    expect((await ask('x')).choices[0]!.message.content).toBeUndefined();
  });

  test('beyond so many at a time there is a 429', async () => {
    const { chat, ask } = await setUp({ latencyMs: 50 });
    chat.setFaults({ maxConcurrent: 2 });
    const results = await Promise.allSettled(['a', 'b', 'c', 'd'].map((text) => ask(text)));
    const refused = results.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBe(2);
    const { headers } = (refused[0] as PromiseRejectedResult).reason as APIError;
    expect(headers!.get('retry-after')).toBe('1');
  });

  test('frozen requests are answered after the thaw', async () => {
    const { chat, titleOf } = await setUp();
    chat.setFaults({ freeze: true });
    const answers: unknown[] = [];
    const pending = titleOf('Cold as ice').then((title) => answers.push(title));
    await vi.waitFor(() => expect(chat.counters().requests).toBe(1));
    expect(answers).toEqual([]);
    chat.setFaults({ freeze: false });
    await pending;
    expect(answers).toEqual(['Cold ice']);
  });

  test('a request that hangs is forgotten when its caller gives up, and takes no place any more', async () => {
    const { chat, client, titleOf } = await setUp();
    chat.setFaults({ freeze: true, maxConcurrent: 1 });
    const impatient = client.withOptions({ timeout: 100, maxRetries: 1 });
    const hanging = impatient.chat.completions.create({ model: 'gpt-4', ...user('Cold as ice') });
    expect((await refusal(hanging)).constructor.name).toBe('APIConnectionTimeoutError');
    expect(chat.counters()).toMatchObject({ requests: 2, answered: 0 });
    await vi.waitFor(() => {
      chat.resetCounters();
      expect(chat.counters().concurrentPeak).toBe(0);
    });
    chat.setFaults({ freeze: false });
    expect(await titleOf('Warm again')).toBe('Warm again');
    expect(chat.counters()).toMatchObject({ answered: 1, refused: {} });
    expect(chat.requests()).toHaveLength(1);
  });

  test('every third request is refused, so often as is said, and the official client gets past it', async () => {
    const { chat, client } = await setUp();
    chat.setFaults({ status: { code: 500, every: 3, count: 2, retryAfterMs: 1 } });
    const stubborn = client.withOptions({ maxRetries: 1 });
    for (let index = 0; index < 9; index += 1)
      await stubborn.chat.completions.create({ model: 'gpt-4', ...user('Again') });
    expect(chat.counters()).toMatchObject({ requests: 11, answered: 9, refused: { 500: 2 } });
  });

  test('connections are refused or dropped, and after a restart it is back', async () => {
    const { chat, ask, titleOf } = await setUp();
    expect(await titleOf('Hello world')).toBe('Hello world');
    await chat.setFaults({ refuseConnections: true });
    expect((await refusal(ask('x'))).cause).toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    await chat.setFaults({ refuseConnections: false, freeze: true });
    const cut = refusal(ask('x'));
    await vi.waitFor(() => expect(chat.counters().requests).toBe(2));
    await chat.act('dropConnections');
    expect((await cut).status).toBeUndefined();
    chat.setFaults({ freeze: false });
    const restart = chat.act('restart', { downMs: 50 });
    expect((await refusal(ask('x'))).status).toBeUndefined();
    await restart;
    expect(await titleOf('Back again')).toBe('Back again');
  });

  test('a restart lasts as long as the longest of several, whatever faults are set meanwhile', async () => {
    const { chat, ask, titleOf } = await setUp();
    const started = performance.now();
    const restarts = [chat.act('restart', { downMs: 300 }), chat.act('restart', { downMs: 10 })];
    await chat.setFaults({ latencyMs: 0 });
    expect((await refusal(ask('x'))).cause).toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    await Promise.all(restarts);
    expect(performance.now() - started).toBeGreaterThan(295);
    expect(await titleOf('Back again')).toBe('Back again');
  });

  test('that do not exist are refused, with those that do', async () => {
    const { chat } = await setUp();
    expect(() => chat.setFaults({ latency: 1 } as object)).toThrow(/latency.*latencyMs.*maxConcurrent/);
    expect(() => chat.setFaults({ status: { code: 200 } })).toThrow(/status/);
    expect(() => chat.act('explode')).toThrow(/explode.*dropConnections.*restart/);
  });
});
