import { expect, onTestFinished, test, vi } from 'vitest';
import type { Checked } from './doctor-check.ts';
import { printReport } from './doctor-report.ts';

function printed(): () => string {
  const lines: string[] = [];
  const spy = vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  onTestFinished(() => spy.mockRestore());
  return () => lines.join('\n');
}

const checked = (more: Partial<Checked>): Promise<Checked> =>
  Promise.resolve({
    service: 'Redis',
    name: 'read',
    status: 'failure',
    found: 'refused',
    tookMs: 1,
    ...more,
  });

test('a credential that a service quotes is not passed on, nor what moves a cursor', async () => {
  const output = printed();
  const quoting = checked({ found: 'the password hunter22 is \u001b[2Jwrong' });
  const environment = { REDIS_PASSWORD: 'hunter22' };
  expect(await printReport([quoting], environment, { json: false })).toBe(true);
  await printReport([quoting], environment, { json: true });
  expect(output()).not.toContain('hunter22');
  expect(output()).toContain('the password ••• is \\u001b[2Jwrong');
});

test('what mends several things is said once, and warnings alone are no failure', async () => {
  const output = printed();
  const mend = 'az role assignment create';
  const checks = ['read', 'write'].map((name) => checked({ name, mend, status: 'warning' }));
  expect(await printReport(checks, {}, { json: false })).toBe(false);
  expect(output().split(mend)).toHaveLength(2);
  expect(output()).toContain('No failure, 2 warnings.');
});

test('of another service it is said again', async () => {
  const output = printed();
  const mend = 'see "identity"';
  await printReport([checked({ mend }), checked({ service: 'Cosmos DB', mend })], {}, { json: false });
  expect(output().split(mend)).toHaveLength(3);
});
