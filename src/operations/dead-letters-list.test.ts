import { expect, test } from 'vitest';
import { makeScreen } from '../../test/screen.ts';
import { table } from './dead-letters-list.ts';

test('a reason of the greatest length does not move the others’ ages out of sight', () => {
  const group = { count: 1, oldestMs: 0, newestMs: 0, overADay: 0 };
  const groups = [
    { ...group, reason: 'x'.repeat(4_096) },
    { ...group, reason: 'Short' },
  ];
  const lines = table(groups, makeScreen(false).stream, 5_000);
  expect(lines[0]).toMatch(/x{4096} {2}5 s ago$/);
  expect(lines[1]).toMatch(/^ {2}1 {2}Short {37}5 s ago$/);
});
