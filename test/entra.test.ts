import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { conversation, setTheScene } from './setting.ts';
import { startWorkerProcess } from './worker-process.ts';

test('all four services are reached by Entra ID over TLS, without any key', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'entra-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { stack, show, announce, item } = await setTheScene({
    entra: { certificateFile: join(folder, 'ca.pem') },
  });
  expect(
    Object.keys(stack.environment).filter((name) => /KEY|PASSWORD|CONNECTION_STRING/.test(name)),
  ).toEqual([]);
  const { snapshot, event, sessionId, userId } = conversation(2);
  await show(snapshot);
  const worker = startWorkerProcess(stack.environment);
  await announce(event);
  await expect.poll(() => item(userId, sessionId)?.title).toMatch(/^Explain topic/);
  expect(item(userId, sessionId)?.messages).toEqual(snapshot.messages);
  const audiences = Object.keys(stack.entra!.counters().tokens).map((audience) => new URL(audience).hostname);
  expect(audiences.sort()).toEqual([
    '127.0.0.1',
    'cognitiveservices.azure.com',
    'redis.azure.com',
    'servicebus.azure.net',
  ]);
  worker.kill('SIGTERM');
  expect(await worker.exited).toBe(0);
  expect(JSON.stringify(worker.lines)).not.toContain('KEYS STAND IN');
});
