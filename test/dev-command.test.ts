import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { resultOf, startCommand } from './command.ts';

function startDev(args: string[], environment: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'dev-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return startCommand(environment, ['dev', '--data', folder, ...args]);
}

test('one that is stopped before all is said tells of what was said, and that it is not all', async () => {
  const dev = startDev(['--once', '--json', '--conversations', '900', '--turns', '9']);
  await expect.poll(() => dev.stderr()).toMatch(/durable in/);
  dev.kill('SIGINT');
  const ended = await dev.ended;
  expect(ended.code).toBe(1);
  const { events, conversations, ...result } = resultOf(ended);
  expect(ended.stderr).toContain(`Stopped after ${events} of 8100 events.`);
  expect(ended.stderr).not.toContain('MISSING');
  expect(result).toMatchObject({ persisted: conversations, lost: 0, deadLettered: 0 });
});

test('one whose lines nobody reads any more drains and ends in peace', async () => {
  const dev = startDev(['--rate', '50']);
  await expect.poll(() => dev.stdout()).toMatch(/durable in/);
  dev.closeStdout();
  expect(await dev.ended).toMatchObject({ code: 0, stderr: '' });
});

test('a faulty configuration is told as by every other command', async () => {
  for (const faulty of [{ HEALTH_PORT: 'high' }, { CONSOLE_TOKEN: 'short' }]) {
    const ended = await startDev(['--once'], faulty).ended;
    expect(ended.code).toBe(78);
    expect(ended.stderr).toMatch(/^The configuration has 1 fault:\n {2}- (HEALTH_PORT|CONSOLE_TOKEN) /);
  }
});

test('without a health port, however that is spelt, there is no console', async () => {
  const dev = startDev(['--once', '--conversations', '1', '--turns', '1'], { HEALTH_PORT: ' Off' });
  const ended = await dev.ended;
  expect(ended.stderr).toBe('');
  expect(ended.code).toBe(0);
  expect(ended.stdout).not.toMatch(/^(Health|Console)/m);
});

describe('while Cosmos DB is away', () => {
  async function setCosmos(dev: ReturnType<typeof startDev>, faults: unknown): Promise<void> {
    const [, control] = /Counters and faults: (\S+)/.exec(dev.stderr())!;
    const answer = await fetch(`${control}/faults/cosmos`, {
      method: 'PATCH',
      body: JSON.stringify(faults),
    });
    expect(answer.status).toBe(200);
  }

  test('one that is stopped says how many events it waits for, and finishes them when it is back', async () => {
    const dev = startDev(['--json', '--rate', '50']);
    await expect.poll(() => dev.stderr()).toMatch(/durable in/);
    await setCosmos(dev, { refuseConnections: true });
    await expect.poll(() => dev.stderr()).toMatch(/gate closed/);
    dev.kill('SIGINT');
    await expect.poll(() => dev.stderr()).toMatch(/draining: \d+ events? to go/);
    await setCosmos(dev, { refuseConnections: false });
    const ended = await dev.ended;
    expect(ended.code).toBe(0);
    const { conversations, ...result } = resultOf(ended);
    expect(result).toMatchObject({ persisted: conversations, lost: 0 });
  });

  test('one that is stopped sums up all the same what is stored', async () => {
    const dev = startDev(['--json', '--rate', '1']);
    await expect.poll(() => dev.stderr()).toMatch(/durable in/);
    await setCosmos(dev, { refuseConnections: true });
    dev.kill('SIGINT');
    const ended = await dev.ended;
    expect(ended.stderr).not.toContain('Could not');
    expect(resultOf(ended)).toMatchObject({ conversations: 1 });
  }, 120_000);
});
