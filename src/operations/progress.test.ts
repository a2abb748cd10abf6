import { expect, test } from 'vitest';
import { makeScreen } from '../../test/screen.ts';
import { startProgress } from './progress.ts';

test('a bar is drawn on a terminal, in one line, and is gone in the end', () => {
  const { stream, written } = makeScreen(true);
  const progress = startProgress('replaying', 200, stream);
  progress.update(50, 'waiting for a service with a name so long that it would not fit');
  const drawn = written();
  expect(drawn).toContain('50/200');
  expect(drawn.replace(/\r|\u001b\[[\d;]*[A-Za-z]/g, '').length).toBeLessThan(60);
  progress.say('a line');
  expect(written()).toMatch(/\r.*a line\n/s);
  progress.end();
  expect(written().endsWith('\u001b[2K')).toBe(true);
});

test.each([
  [40, 'replaying', /^replaying ░+ 501\/20000, /],
  [40, 'looking through Redis', /^looking through Redis 501\/20000/],
  [16, 'replaying', /^replaying 501\/2$/],
  [8, 'replaying', /^replay $/],
])('on %i columns %s keeps to one line all the same', (columns, what, expected) => {
  const { stream, written } = makeScreen(true, columns);
  startProgress(what, 20_000, stream).update(501, 'waiting for cosmos');
  const drawn = written().replace(/\r|\u001b\[[\d;]*[A-Za-z]/g, '');
  expect(drawn).toMatch(expected);
  expect(drawn.length).toBeLessThan(columns);
});

test('what is said when it has ended brings no bar back', () => {
  const { stream, written } = makeScreen(true);
  const progress = startProgress('replaying', 200, stream);
  progress.update(50);
  progress.end();
  written();
  progress.say('a line');
  expect(written()).not.toContain('50/200');
});

test('on anything else only what is said is written', () => {
  const { stream, written } = makeScreen(false);
  const progress = startProgress('replaying', 200, stream);
  progress.update(50);
  progress.say('a line');
  progress.end();
  expect(written()).toBe('a line\n');
});
