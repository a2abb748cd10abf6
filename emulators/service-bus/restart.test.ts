import { ServiceBusClient } from '@azure/service-bus';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ServiceBusEmulator, startServiceBus } from './index.ts';

let bus: ServiceBusEmulator;
beforeEach(async () => {
  bus = await startServiceBus({ queues: [{ name: 'work' }] });
});
afterEach(() => bus.close());

/** Whether a new client gets through. */
async function isUp(): Promise<boolean> {
  const client = new ServiceBusClient(bus.connectionString, {
    retryOptions: { maxRetries: 0, timeoutInMs: 1000 },
  });
  try {
    await client.createReceiver('work').peekMessages(1);
    return true;
  } catch {
    return false;
  } finally {
    await client.close();
  }
}

test('a restart during another prolongs it, and both end together', async () => {
  const ended: string[] = [];
  const started = performance.now();
  const long = Promise.resolve(bus.act('restart', { downMs: 500 })).then(() => ended.push('long'));
  const short = Promise.resolve(bus.act('restart', { downMs: 10 })).then(() => ended.push('short'));
  const middle = Promise.resolve(bus.act('restart', { downMs: 300 })).then(() => ended.push('middle'));
  await Promise.all([long, short, middle]);
  expect(performance.now() - started).toBeGreaterThan(495);
  expect(ended).toHaveLength(3);
  expect(await isUp()).toBe(true);
  await bus.act('restart');
  expect(await isUp()).toBe(true);
});

test('a restart while connections are refused comes back refusing', async () => {
  bus.setFaults({ refuseConnections: true });
  await bus.act('restart', { downMs: 10 });
  expect(await isUp()).toBe(false);
  bus.setFaults({ refuseConnections: false });
  expect(await isUp()).toBe(true);
});

test('a restart that begins or ends in a freeze is frozen until the thaw', async () => {
  bus.setFaults({ freeze: true });
  await bus.act('restart', { downMs: 10 });
  const up = isUp();
  await expect.poll(() => bus.counters().connections.open).toBe(1);
  bus.setFaults({ freeze: false });
  expect(await up).toBe(true);
});

test('a stand-in that is closed while it is away stays away', async () => {
  const restarting = bus.act('restart', { downMs: 50 });
  await bus.close();
  await restarting;
  expect(await isUp()).toBe(false);
});
