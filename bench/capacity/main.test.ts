import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { published } from './prices.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'capacity-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** As the npm script calls it. */
function capacity(...flags: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bench/capacity/main.ts', '--', ...flags], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}
const rowOf = (...flags: string[]) => JSON.parse(capacity('--json', ...flags).stdout).rows[0].capacity;

test('without flags the table shows a thousand to ten million users, and what is reached when', () => {
  const { status, stdout } = capacity();
  expect(status).toBe(0);
  for (const users of ['1 K', '10 K', '100 K', '1 M', '10 M']) expect(stdout).toContain(`\n${users} `);
  expect(stdout).toContain('One user is one logical partition');
});

test('with --json there is one line, and flags say for whom', () => {
  const { stdout } = capacity(
    '--users',
    '5000',
    '--turns-per-day',
    '4',
    '--conversation-turns',
    '20',
    '--json',
  );
  expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  const { workload, rows } = JSON.parse(stdout);
  expect(workload).toEqual({ turnsPerDay: 4, turnKb: 2, conversationTurns: 20 });
  expect(rows).toHaveLength(1);
  expect(rows[0].capacity).toMatchObject({ users: 5_000, eventsPerDay: 20_000 });
  expect(rows[0].next.users).toBeGreaterThan(5_000);
  expect(rowOf('--users', '5000', '--turn-kb', '4').storedGb).toBeCloseTo(
    2 * rowOf('--users', '5000').storedGb,
  );
});

test("a file's figures take the place of those that are published", () => {
  const file = join(folder, 'west-europe.json');
  writeFileSync(file, JSON.stringify({ cosmosStorage: published.cosmosStorage * 3 }));
  const [usual, own] = [rowOf('--users', '1e6'), rowOf('--users', '1e6', '--region-prices', file)];
  expect(own.costs.storage).toBeCloseTo(3 * usual.costs.storage);
  expect(own.costs.titles).toBe(usual.costs.titles);
});

test('a flag that there is not is refused, and those that there are are listed', () => {
  const { status, stdout, stderr } = capacity('--user-count', '5');
  expect(status).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toContain("unknown option '--user-count'");
  for (const flag of [
    'users',
    'turns-per-day',
    'turn-kb',
    'conversation-turns',
    'region-prices',
    'json',
    'help',
  ])
    expect(stderr).toContain(`--${flag}`);
});

test.each([
  [['--users', 'many'], 'expected a whole number from 1'],
  [['--users', '0'], 'expected a whole number from 1'],
  [['--turn-kb', '-1'], 'expected a number from 0.25'],
  [['--conversation-turns', '2.5'], 'expected a whole number'],
  [['--turns-per-day', ''], 'expected a number'],
  [['--region-prices', '/there/is/none.json'], 'cannot be read as JSON'],
])('%j is refused: %s', (flags, message) => {
  const { status, stderr } = capacity(...flags);
  expect(status).toBe(1);
  expect(stderr).toContain(message);
});

test.each([
  ['{', 'cannot be read as JSON'],
  ['[1]', 'expected an object of names and numbers'],
  ['{"cosmosStorag": 1}', 'there is no cosmosStorag; there are cosmosAutoscale'],
  ['{"__proto__": 1}', 'there is no __proto__'],
  ['{"cosmosStorage": "0.25"}', 'cosmosStorage: expected a number over 0'],
  ['{"headroom": 0}', 'headroom: expected a number over 0'],
])('a file with %s is refused: %s', (text, message) => {
  const file = join(folder, 'own.json');
  writeFileSync(file, text);
  const { status, stderr } = capacity('--region-prices', file);
  expect(status).toBe(1);
  expect(stderr).toContain(message);
});

test('--help tells of each flag', () => {
  const { status, stdout } = capacity('--help');
  expect(status).toBe(0);
  expect(stdout).toContain('--region-prices <file>');
});
