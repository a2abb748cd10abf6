import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { type Mutant, mutants } from './mutants.ts';
import type { Total } from './report.ts';

/** Below the repository, so that the copies find its node_modules. */
const copies = join('.local', `mutants-${process.pid}`);
afterAll(() => rmSync(copies, { recursive: true, force: true }));

function copyOf(name: string, changes: Mutant['changes']): string {
  const folder = join(copies, name.replaceAll(' ', '-'));
  mkdirSync(folder, { recursive: true });
  for (const part of ['src', 'simulation']) cpSync(part, join(folder, part), { recursive: true });
  for (const { file, from, to } of changes) {
    const source = readFileSync(join(folder, file), 'utf8');
    expect(source.split(from), `${file} has once: ${from}`).toHaveLength(2);
    writeFileSync(
      join(folder, file),
      source.replace(from, () => to),
    );
  }
  return folder;
}

async function simulate(folder: string, fromSeed = 1): Promise<{ exitCode: number; total: Total }> {
  const args = ['--runs', '50', '--seed', String(fromSeed), '--until-failure', '--json'];
  const { stdout, exitCode } = await promisify(execFile)(process.execPath, ['simulation/main.ts', ...args], {
    cwd: folder,
  }).then(
    ({ stdout }) => ({ stdout, exitCode: 0 }),
    ({ stdout, code }) => ({ stdout, exitCode: code as number }),
  );
  return { exitCode, total: JSON.parse(stdout.trim().split('\n').at(-1)!) };
}

test.each(mutants)('notices $name', async ({ name, changes, fromSeed }) => {
  const { exitCode, total } = await simulate(copyOf(name, changes), fromSeed);
  expect(total.failed).toHaveLength(1);
  expect(exitCode).toBe(1);
});

test('a copy that nobody has changed keeps every promise', async () => {
  const { exitCode, total } = await simulate(copyOf('unchanged', []));
  expect(total).toMatchObject({ runs: 50, failed: [] });
  expect(exitCode).toBe(0);
});
