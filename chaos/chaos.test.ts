import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Summary } from './report.ts';
import type { Planned } from './schedule.ts';

const root = join(import.meta.dirname, '..');
/** Within the repository, so that the copies find its packages. */
const scratch = join(root, '.local/chaos/broken');
/** On a machine with much else to do. */
const DEADLINE_MS = 120_000;

async function chaos(...args: string[]): Promise<{ code: number; summary: Summary; said: string }> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [join(root, 'chaos/main.ts'), '--json', ...args], (error, stdout, stderr) => {
      const last = stdout.trim().split('\n').at(-1)!;
      if (last === '') reject(new Error(`no summary: ${stderr}`));
      else resolve({ code: error ? Number(error.code) : 0, summary: JSON.parse(last), said: stderr });
    });
  });
}

test('workers under a storm of faults and kills lose nothing', { timeout: DEADLINE_MS }, async () => {
  const { code, summary, said } = await chaos('--seed', '1', '--seconds', '6', '--workers', '2');
  expect(said).toContain('Nothing lost');
  expect(code).toBe(0);
  expect(summary).toMatchObject({
    ...{ seed: 1, lost: 0, reverted: 0, duplicated: 0, crossed: 0, wronglyDeadLettered: 0, unsettled: 0 },
  });
  expect(summary.kills).toBeGreaterThan(1);
  expect(summary.faults).toBeGreaterThan(5);
  expect(summary.events).toBeGreaterThan(30);
});

type Broken = {
  name: string;
  /** File, what stands there, and what is put in its place. */
  changes: [file: string, from: string, to: string][];
  plan: Planned[];
  shows: 'lost' | 'reverted';
};

const slow: Planned = { atMs: 0, forMs: 4500, what: 'cosmos is slow' };
const kill = (atMs: number, worker: number): Planned => ({
  atMs,
  forMs: 0,
  what: 'worker is killed',
  worker,
});
/** When nobody speaks any more: no later turn repairs what they spoil. */
const kills = [kill(4050, 0), kill(4050, 1)];

const broken: Broken[] = [
  {
    name: 'writes without a condition',
    changes: [
      ['azure/cosmos.ts', 'container.items.create(document,', 'container.items.upsert(document,'],
      ['azure/cosmos.ts', "accessCondition: { type: 'IfMatch', condition: etag },", ''],
    ],
    plan: [slow],
    shows: 'reverted',
  },
  {
    name: 'settles before it writes',
    changes: [
      [
        'pipeline/lanes.ts',
        'const result = await watch.round(',
        "settleAll(left, { kind: 'complete' });\n      const result = await watch.round(",
      ],
      ['pipeline/lanes.ts', '=> left.some((work) => !work.settled)', '=> true'],
    ],
    plan: [slow, ...kills],
    shows: 'lost',
  },
  {
    name: 'replaces instead of merging',
    changes: [
      [
        'history/merge.ts',
        'mergeMessages(stored.messages, snapshot.messages, snapshotAt - storedAt);',
        'snapshot.messages;',
      ],
    ],
    plan: [],
    shows: 'lost',
  },
];

// Together: they mostly wait for the locks of the killed.
test.concurrent.each(broken)('a worker that $name is caught', { timeout: DEADLINE_MS }, async (worker) => {
  const folder = join(scratch, worker.name.replaceAll(' ', '-'));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(join(root, 'src'), join(folder, 'src'), { recursive: true });
  for (const [file, from, to] of worker.changes) {
    const path = join(folder, 'src', file);
    const parts = readFileSync(path, 'utf8').split(from);
    expect(parts.length, `${file} has once: ${from}`).toBe(2);
    writeFileSync(path, parts.join(to));
  }
  const plan = join(folder, 'plan.json');
  writeFileSync(plan, JSON.stringify(worker.plan));
  const entry = join(folder, 'src/main.ts');
  const args = ['--seed', '10', '--seconds', '4', '--workers', '2', '--schedule', plan];
  const { code, summary } = await chaos(...args, '--worker-entry', entry);
  expect(code).toBe(1);
  expect(summary[worker.shows]).toBeGreaterThan(0);
});
