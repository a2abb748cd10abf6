import { expect, onTestFinished, test, vi } from 'vitest';
import { Failure } from '../pipeline/failures.ts';
import { EndedEarly } from './command-fault.ts';
import { operate } from './operate.ts';

const environment = {
  SERVICEBUS_FULLY_QUALIFIED_NAMESPACE: 'bus.servicebus.windows.net',
  COSMOS_ENDPOINT: 'https://cosmos.documents.azure.com:443/',
  COSMOS_DATABASE_NAME: 'db',
  COSMOS_CONTAINER_NAME: 'c',
  AZURE_AI_CHAT_ENDPOINT: 'https://ai.openai.azure.com/openai/deployments/gpt-4',
  REDIS_HOST: 'cache.westeurope.redis.azure.net',
  REDIS_PASSWORD: 'hunter22',
};

/** Runs work that throws, and tells how the process would have ended and what was written. */
async function failing(error: unknown, json: boolean) {
  let [stdout, stderr] = ['', ''];
  const spies = [
    vi.spyOn(process, 'exit').mockImplementation((code) => {
      throw Object.assign(new Error('exit'), { exit: code });
    }),
    vi.spyOn(process.stdout, 'write').mockImplementation((...args: unknown[]) => {
      stdout += String(args[0]);
      const done = args.at(-1);
      if (typeof done === 'function') done();
      return true;
    }),
    vi.spyOn(console, 'error').mockImplementation((line: unknown) => {
      stderr += `${line}\n`;
    }),
  ];
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore();
    vi.unstubAllEnvs();
  });
  const code = await operate(() => Promise.reject(error), { json }).catch(({ exit }) => exit);
  for (const spy of spies) spy.mockRestore();
  return { code, stdout, stderr };
}

test('a credential that a service quotes is passed on neither to people nor to a script', async () => {
  const { code, stdout, stderr } = await failing(
    new Failure('CacheUnavailable', 'AUTH hunter22 is refused'),
    true,
  );
  expect(code).toBe(1);
  expect(stdout + stderr).not.toContain('hunter22');
  expect(JSON.parse(stdout)).toEqual({
    error: { code: 'CacheUnavailable', message: 'CacheUnavailable: AUTH ••• is refused' },
  });
  expect(stderr).toContain('history-worker doctor');
});

test('what had done some tells it in the same line', async () => {
  const error = new EndedEarly(new Failure('StoreUnavailable', 'away'), { scanned: 7 });
  const { code, stdout } = await failing(error, true);
  expect(code).toBe(1);
  expect(stdout.match(/\n/g)).toHaveLength(1);
  expect(JSON.parse(stdout)).toEqual({
    scanned: 7,
    error: { code: 'StoreUnavailable', message: 'StoreUnavailable: away' },
  });
});

test('a mistake of ours is told with its stack, and no service is suspected', async () => {
  const { code, stdout, stderr } = await failing(new TypeError('x is undefined'), false);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('    at ');
  expect(stderr).not.toContain('doctor');
});
