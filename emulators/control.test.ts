import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Stack, startStack } from './stack.ts';

let stack: Stack;
const folder = mkdtempSync(join(tmpdir(), 'control-'));
beforeAll(async () => {
  stack = await startStack({ redisServer: 'ours', entra: { certificateFile: join(folder, 'ca.pem') } });
});
afterAll(async () => {
  await stack.close();
  rmSync(folder, { recursive: true });
});

async function ask(method: string, path: string, body?: object) {
  const response = await fetch(stack.control.url + path, {
    method,
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: response.status, value: (await response.json()) as Record<string, unknown> };
}

test.each([
  ['cosmos', { freezeEvery: 3, refuseEvery: 5 }],
  ['redis', { failEvery: 2, failKeys: ['a'] }],
  ['service-bus', { refuseSettlements: 'amqp:internal-error', refuseSettlementsEvery: 2 }],
  ['service-bus', { refuseManagement: 'com.microsoft:server-busy' }],
  ['chat-completions', { status: { code: 500, every: 3 }, freeze: false }],
  ['entra', { tokenLifetimeSeconds: 600 }],
])('%s takes the faults %o', async (service, faults) => {
  const { status, value } = await ask('PATCH', `/faults/${service}`, faults);
  expect([status, value]).toEqual([200, expect.objectContaining(faults)]);
  expect((await ask('GET', '/faults')).value[service]).toMatchObject(faults);
});

test.each([
  ['cosmos', 'freezeEvery'],
  ['redis', 'failEvery'],
  ['service-bus', 'refuseSettlementsEvery'],
  ['chat-completions', 'maxConcurrent'],
  ['entra', 'tokenLifetimeSeconds'],
])('%s names the faults that there are when it is told of one that is none', async (service, known) => {
  const { status, value } = await ask('PATCH', `/faults/${service}`, { explode: true });
  expect(status).toBe(400);
  expect(value.error).toMatch(new RegExp(`explode.*${known}`, 's'));
});

test.each([
  ['cosmos', { status: { code: 503 }, freezeEvery: 2 }],
  ['redis', { failEvery: 2 }],
  ['service-bus', { refuseAttach: 'com.microsoft:server-busy' }],
  ['chat-completions', { status: { code: 503 }, answer: 'x', finishReason: 'length', maxConcurrent: 1 }],
  ['entra', { tokenLifetimeSeconds: 600 }],
])('%s: null ends the faults %o', async (service, faults) => {
  expect((await ask('PATCH', `/faults/${service}`, faults)).value).toMatchObject(faults);
  const ended = Object.fromEntries(Object.keys(faults).map((name) => [name, null]));
  expect(await ask('PATCH', `/faults/${service}`, ended)).toMatchObject({ status: 200, value: ended });
});

test.each(['null', '[]', '"latencyMs"', '5'])('the body %s is refused', async (body) => {
  for (const service of ['cosmos', 'redis', 'service-bus', 'chat-completions', 'entra'])
    for (const [method, path] of [
      ['PATCH', `/faults/${service}`],
      ['POST', `/actions/${service}/restart`],
    ] as const) {
      const response = await fetch(stack.control.url + path, { method, body });
      expect([response.status, await response.text()]).toEqual([400, expect.stringContaining('JSON object')]);
    }
});

test.each([
  ['cosmos', 'deleteContainer', { containr: 'other' }, /containr/],
  ['cosmos', 'items', { containr: 'other' }, /containr/],
  ['cosmos', 'put', { item: 5 }, /item/],
  ['cosmos', 'advanceClock', { second: 5 }, /second/],
  ['cosmos', 'constructor', {}, /ageItems/],
  ['service-bus', 'restart', { downMs: 'x' }, /^✖ .*downMs/s],
])('%s refuses %s with %o', async (service, action, args, named) => {
  const { status, value } = await ask('POST', `/actions/${service}/${action}`, args);
  expect([status, value.error]).toEqual([400, expect.stringMatching(named)]);
});

test.each([
  ['cosmos', 'ageItems', { seconds: 10 }, { aged: 0 }],
  ['service-bus', 'silenceLinks', {}, { silenced: 0 }],
  ['service-bus', 'expireTokens', {}, { expired: 0 }],
  ['service-bus', 'restart', { downMs: 1 }, { downMs: 1 }],
])('%s does %s', async (service, action, args, result) => {
  expect(await ask('POST', `/actions/${service}/${action}`, args)).toEqual({
    status: 200,
    value: { result },
  });
});

test('unknown services and actions are refused with the names of those that there are', async () => {
  expect((await ask('PATCH', '/faults/elsewhere', {})).value.error).toMatch(/elsewhere.*service-bus.*entra/);
  for (const [service, known] of [
    ['cosmos', 'ageItems'],
    ['service-bus', 'silenceLinks'],
    ['entra', 'none'],
  ]) {
    const { status, value } = await ask('POST', `/actions/${service}/explode`, {});
    expect([status, value.error]).toEqual([400, expect.stringContaining(known!)]);
  }
});
