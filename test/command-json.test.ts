import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { commandFaults } from '../src/operations/command-fault.ts';
import { onlyLineOf, runCommand } from './command.ts';
import { runHere } from './command-here.ts';
import { setTheScene } from './setting.ts';

const commands = [
  'sweep',
  'dead-letters list',
  'dead-letters show',
  'dead-letters replay',
  'dead-letters purge --yes',
  'reconcile',
  'titles',
  'erase --user u --yes',
  'show --session s',
];

const run = (environment: Record<string, string>, command: string) =>
  runHere(environment, [...command.split(' '), '--json']);

describe('with --json a command that fails before it has anything to count ends with a line that says why', () => {
  test.each(commands)('%s, where the configuration is faulty', async (command) => {
    const ended = await run({ REDIS_PASSWORD: 'hunter22' }, command);
    expect(ended.code).toBe(78);
    expect(onlyLineOf(ended)).toEqual({
      error: { code: 'InvalidConfiguration', message: expect.stringContaining('COSMOS_ENDPOINT is missing') },
    });
    expect(ended.stderr).toContain('COSMOS_ENDPOINT is missing');
    expect(ended.stdout).not.toContain('hunter22');
  });

  test.each(commands)(
    '%s, where the services are away',
    async (command) => {
      const { stack } = await setTheScene();
      const ended = await run(
        {
          ...stack.environment,
          SERVICEBUS_CONNECTION_STRING: stack.environment.SERVICEBUS_CONNECTION_STRING!.replace(
            /:\d+;/,
            ':1;',
          ),
          COSMOS_ENDPOINT: 'http://127.0.0.1:1/',
        },
        command,
      );
      expect(ended.code).toBe(1);
      const { error, ...rest } = onlyLineOf(ended) as { error: { code: string; message: string } };
      expect(rest).toEqual({});
      expect(error.code).toBe(command.startsWith('dead-letters') ? 'ReceiveFailed' : 'StoreUnavailable');
      // What people are told, in one line.
      for (const part of error.message.split('; ')) expect(ended.stderr).toContain(part);
      for (const name of ['COSMOS_KEY', 'REDIS_PASSWORD', 'AZURE_AI_API_KEY'])
        expect(ended.stdout).not.toContain(stack.environment[name]);
    },
    60_000,
  );

  test.each([
    'titles --bogus',
    'titles --rate fast',
    'show',
    'erase',
    'recover',
    'doctor --bogus',
    'dev --turns 0',
    'dead-letters remove',
  ])('%s, which is no right command line', async (command) => {
    const ended = await run({}, command);
    expect(ended.code).toBe(1);
    expect(onlyLineOf(ended)).toEqual({ error: { code: 'InvalidUsage', message: expect.any(String) } });
  });

  test.each([
    ['show --session none', 'NotFound', 'history has no conversation none'],
    ['show --session a/b', 'Unclear', 'sessionId contains "/"'],
    ['erase --session none --yes', 'NotFound', 'there is no conversation none'],
    ['erase --session a/b --yes', 'Unclear', 'sessionId contains "/"'],
    ['dead-letters show 7', 'NotFound', 'There is no such dead letter'],
  ])('%s: %s', async (command, code, message) => {
    const { stack } = await setTheScene();
    const ended = await run(stack.environment, command);
    expect(ended.code).toBe(1);
    expect(onlyLineOf(ended)).toEqual({ error: { code, message: expect.stringContaining(message) } });
    expect(ended.stderr).toContain(message);
    expect(ended.stderr).not.toContain('doctor');
  });
});

test.each(['titles', 'doctor', 'run'])(
  '%s, where a folder lies in the place of .env, says so',
  async (command) => {
    const folder = mkdtempSync(join(tmpdir(), 'env-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, '.env'));
    const ended = await runCommand({}, [command, ...(command === 'run' ? [] : ['--json'])], folder);
    expect(ended.code).toBe(78);
    expect(ended.stderr).toMatch(/\.env cannot be read .*, expected a file of NAME=value lines, or none\n$/);
    if (command !== 'run')
      expect(onlyLineOf(ended)).toMatchObject({ error: { code: 'InvalidConfiguration' } });
  },
);

test('without --json nothing but results goes to stdout', async () => {
  expect(await runCommand({}, ['titles'])).toMatchObject({ code: 78, stdout: '' });
  expect(await runCommand({}, ['titles', '--bogus'])).toMatchObject({ code: 1, stdout: '' });
});

test.each([['--help'], ['--version'], ['titles', '--help', '--json'], ['help', 'erase']])(
  '%s is no failure',
  async (...args) => {
    const { code, stdout, stderr } = await runCommand({}, args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toContain('"error"');
  },
);

test('each code that only commands have stands in the docs', () => {
  const docs = readFileSync('docs/operations.md', 'utf8');
  for (const [code, meaning] of Object.entries(commandFaults))
    expect(docs).toContain(`| \`${code}\` | ${meaning} |`);
});
