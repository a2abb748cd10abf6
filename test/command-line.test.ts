import { expect, test } from 'vitest';
import { runCommand } from './command.ts';
import { runHere } from './command-here.ts';

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
  const { code, stdout, stderr } = await runHere({}, [...command.split(' '), '--bogus']);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain("error: unknown option '--bogus'");
  expect(stderr).toContain(right);
});

test.each([
  [],
  ['sweep'],
  ['doctor'],
  ['dead-letters'],
  ['dead-letters', 'replay'],
  ['reconcile'],
  ['titles'],
  ['erase'],
  ['show'],
])('the help of %s fits a terminal of 80 columns', async (...command) => {
  const { stdout } = await runHere({}, [...command, '--help']);
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
});
