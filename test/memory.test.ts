import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { conversation, setTheScene, timeOf } from './setting.ts';
import { startWorkerProcess } from './worker-process.ts';

const MB = 1_024 * 1_024;

/** A conversation of so many bytes, half of them outside of ASCII. */
function large(bytes: number) {
  const talk = conversation(1, { title: 'Named' });
  const turns = Math.ceil(bytes / 40_000);
  talk.snapshot.messages.unshift(
    ...Array.from({ length: turns }, (_, index) => ({
      messageId: `old${index}_assistant`,
      role: 'assistant',
      content: `${index} ${'lorem ipsum é '.repeat(2_600)}`,
      timestamp: timeOf(0),
    })),
  );
  return talk;
}

/** The most memory that the process has had, in MB. */
const peakOf = (pid: number): number =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1_024;

test.skipIf(process.platform !== 'linux')(
  'ten conversations of 1 MB at a time, and some of 10 MB among them, fit into a heap of 256 MB',
  async () => {
    const { stack, show, announce, counters, path } = await setTheScene();
    const talks = [
      ...Array.from({ length: 30 }, () => large(MB)),
      ...Array.from({ length: 4 }, () => large(10 * MB)),
    ];
    for (const { snapshot } of talks) await show(snapshot);
    const worker = startWorkerProcess({
      ...stack.environment,
      MAX_CONCURRENCY: '10',
      NODE_OPTIONS: '--max-old-space-size=256',
    });
    await Promise.all(talks.map(({ event }) => announce(event)));
    await expect.poll(() => counters().entities[path]!.completed).toBe(talks.length);
    expect(counters().entities[path]).toMatchObject({ deadLettered: 0, redelivered: 0 });
    console.log(`peak memory of the worker: ${peakOf(worker.pid).toFixed(0)} MB`);
    worker.kill('SIGTERM');
    expect(await worker.exited).toBe(0);
  },
  90_000,
);
