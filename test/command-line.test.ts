import { describe, expect, test } from 'vitest';
import { resultOf, runCommand } from './command.ts';

/** Well formed, and nobody listens at any of its ports. */
const nothingThere = {
  SERVICEBUS_CONNECTION_STRING:
    'Endpoint=sb://127.0.0.1:9;SharedAccessKeyName=n;SharedAccessKey=a2V5;UseDevelopmentEmulator=true',
  COSMOS_ENDPOINT: 'http://127.0.0.1:9',
  COSMOS_KEY: 'a2V5',
  COSMOS_DATABASE_NAME: 'chat',
  COSMOS_CONTAINER_NAME: 'history',
  AZURE_AI_CHAT_ENDPOINT: 'http://127.0.0.1:9/openai/deployments/gpt',
  AZURE_AI_API_KEY: 'key',
  REDIS_HOST: '127.0.0.1',
  REDIS_PORT: '9',
  REDIS_PASSWORD: 'password',
};

test('an unknown command is named, and the right ones are listed', async () => {
  const { code, stdout, stderr } = await runCommand({}, ['recover']);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(
    /^error: unknown command 'recover', expected one of run, dev, .*reconcile.*, help$/m,
  );
});

test.each([
  ['run', '--help'],
  ['dev', '--conversations'],
  ['sweep', '--older-than-minutes'],
  ['doctor', '--json'],
  ['dead-letters replay', '--reason'],
  ['reconcile', '--rate'],
  ['titles', '--rate'],
  ['erase', '--session'],
  ['show --session s', '--user'],
])('an unknown flag of %s is named, and the right ones are listed', async (command, right) => {
  const { code, stdout, stderr } = await runCommand({}, [...command.split(' '), '--bogus']);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain("error: unknown option '--bogus'");
  expect(stderr).toContain(right);
});

describe.each([
  ['sweep'],
  ['dead-letters list'],
  ['dead-letters show'],
  ['dead-letters replay'],
  ['dead-letters purge --yes'],
  ['reconcile'],
  ['titles'],
  ['erase --user u --yes'],
  ['show --session s'],
])('%s --json', (command) => {
  const run = (environment: Record<string, string>) =>
    runCommand(environment, [...command.split(' '), '--json']);

  test('tells each fault of the configuration on its last line of stdout', async () => {
    const ended = await run({});
    expect(ended.code).toBe(78);
    const { errors } = resultOf(ended) as { errors: { code: string; message: string }[] };
    expect(errors.length).toBeGreaterThan(3);
    for (const { code, message } of errors) {
      expect(code).toBe('InvalidConfiguration');
      expect(ended.stderr).toContain(message);
    }
  });

  test('tells there why it could do nothing, by code', async () => {
    const ended = await run(nothingThere);
    expect(ended.code).toBe(1);
    const { errors } = resultOf(ended) as { errors: { code: string; message: string }[] };
    expect(errors.length).toBeGreaterThan(0);
    for (const { code, message } of errors) {
      expect(code).toMatch(/^[A-Za-z]+$/);
      expect(ended.stderr).toContain(message);
    }
    expect(ended.stdout.trim().split('\n')).toHaveLength(1);
  });
});
