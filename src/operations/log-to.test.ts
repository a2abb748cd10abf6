import { expect, test } from 'vitest';
import { logTo } from './log-to.ts';

test('what an outage says again and again is told once a minute, and what is new at once', () => {
  const lines: string[] = [];
  let now = 0;
  const log = logTo(
    (line) => void lines.push(line),
    () => now,
  );
  const away = () => log.warn({ code: 'CacheUnavailable', reason: 'ECONNREFUSED' }, 'Redis connection');
  for (; now < 59_999; now += 250) away();
  expect(lines).toEqual(['CacheUnavailable: Redis connection: ECONNREFUSED']);
  log.warn({ code: 'CacheUnavailable', reason: 'WRONGPASS' }, 'Redis connection');
  expect(lines[1]).toContain('WRONGPASS');
  now = 60_000;
  away();
  expect(lines).toHaveLength(3);
});
