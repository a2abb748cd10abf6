import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { makeScreen } from '../../test/screen.ts';
import { isConfirmed } from './confirm.ts';

function terminal(isTTY = true) {
  const input = Object.assign(new PassThrough(), { isTTY });
  const { stream: output, written: said } = makeScreen(isTTY);
  return { input, output, said };
}

test.each([
  ['12\n', true],
  [' 12 \n', true],
  ['yes\n', false],
  ['\n', false],
  ['1\n', false],
])('%j confirms twelve: %s', async (typed, confirmed) => {
  const { input, output, said } = terminal();
  const asked = isConfirmed(12, input, output);
  input.write(typed);
  expect(await asked).toBe(confirmed);
  expect(said().includes('Nothing was deleted')).toBe(!confirmed);
});

test('the end of the input is no yes', async () => {
  const { input, output } = terminal();
  const asked = isConfirmed(12, input, output);
  input.end();
  expect(await asked).toBe(false);
});

test('whoever is told to end does not wait for an answer', async () => {
  const { input, output } = terminal();
  const ending = new AbortController();
  const asked = isConfirmed(12, input, output, ending.signal);
  ending.abort();
  expect(await asked).toBe(false);
  input.write('12\n');
});

test('where there is no terminal nobody is asked', async () => {
  const { input, output, said } = terminal(false);
  input.write('12\n');
  expect(await isConfirmed(12, input, output)).toBe(false);
  expect(said()).toContain('--yes');
});
