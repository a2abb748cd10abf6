import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { conversation, setTheScene } from './setting.ts';
import { startWorkerProcess } from './worker-process.ts';

test('tokens that cannot be renewed once, and then for longer than they live: work goes on, stops, and resumes within 5 s', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tokens-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { stack, show, announce, counters, path } = await setTheScene({
    entra: { certificateFile: join(folder, 'ca.pem') },
  });
  const entra = stack.entra!;
  const entity = () => counters().entities[path]!;
  const asked = () =>
    Object.entries(entra.counters().tokens).find(([audience]) => audience.includes('servicebus'))?.[1] ?? 0;
  let sent = 0;
  const send = async (): Promise<void> => {
    const { snapshot, event } = conversation(1, { title: 'Named' });
    await show(snapshot);
    await announce(event);
    sent += 1;
  };
  // The token of Service Bus lasts ten seconds, those of the other services for as long as the test.
  entra.setFaults({ tokenLifetimeSeconds: 10 });
  const worker = startWorkerProcess(stack.environment);
  await expect.poll(() => worker.said('receiving')).toBe(true);
  await send();
  await expect.poll(() => entity().completed).toBe(1);

  // One request fails: the next one brings the token, before the old one ends, and nobody notices.
  const refusedBefore = entra.counters().refused;
  entra.setFaults({ refuse: true });
  await expect.poll(() => entra.counters().refused).toBeGreaterThan(refusedBefore);
  entra.setFaults({ refuse: false });
  const askedBefore = asked();
  await expect.poll(asked).toBeGreaterThan(askedBefore + 1);
  await send();
  await expect.poll(() => entity().completed).toBe(sent);
  const closed = () =>
    worker.lines.filter(({ dependency, code }) => dependency === 'service-bus' && code === 'GateClosed');
  expect(closed()).toEqual([]);

  // No claim is renewed over and over, however little is left of a token.
  expect(asked()).toBeLessThan(20);

  entra.setFaults({ refuse: true });
  await expect.poll(() => closed().length).toBe(1);
  await send();
  entra.setFaults({ refuse: false });
  await expect.poll(() => entity().completed).toBe(sent);
  expect(entity()).toMatchObject({ deadLettered: 0, active: 0 });
  worker.kill('SIGTERM');
  expect(await worker.exited).toBe(0);
}, 90_000);
