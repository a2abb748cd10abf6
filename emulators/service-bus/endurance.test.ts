import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ServiceBusClient, type ServiceBusReceivedMessage } from '@azure/service-bus';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ServiceBusEmulator, startServiceBus } from './index.ts';

let bus: ServiceBusEmulator;
let client: ServiceBusClient;

beforeEach(async () => {
  bus = await startServiceBus({
    queues: [
      { name: 'work', maxDeliveryCount: 1000 },
      { name: 'quick', lockDurationMs: 500 },
    ],
  });
  // By default the client waits 30 seconds after a failed attempt to connect.
  client = new ServiceBusClient(bus.connectionString, { retryOptions: { retryDelayInMs: 100 } });
});

afterEach(async () => {
  await client.close();
  await bus.close();
});

const fill = (count: number, queue = 'work'): void =>
  bus.entity(queue).send(Array.from({ length: count }, (_, at) => ({ body: at })));
const counts = (queue = 'work') => bus.counters().entities[queue]!;

/** Subscribes and completes everything; tells what was handled. */
function worker(maxConcurrentCalls: number, queue = 'work', from = client) {
  const handled: unknown[] = [];
  const errors: string[] = [];
  const receiver = from.createReceiver(queue, { maxAutoLockRenewalDurationInMs: 0 });
  receiver.subscribe(
    {
      processMessage: async (message) => {
        await receiver.completeMessage(message);
        handled.push(message.body);
      },
      processError: async ({ error }) => {
        errors.push(String((error as { code?: string }).code));
      },
    },
    { maxConcurrentCalls, autoCompleteMessages: false },
  );
  return { handled, errors, receiver };
}

describe('many messages', () => {
  test('5,000 messages pass one subscribed link, beyond the 2,048 places of its ring', async () => {
    fill(5000);
    const { handled, errors } = worker(50);
    await expect.poll(() => handled.length).toBe(5000);
    expect(handled).toEqual([...Array(5000).keys()]);
    expect(errors).toEqual([]);
    expect(counts()).toMatchObject({ completed: 5000, redelivered: 0, peakLocked: 50 });
  });

  test('5,000 messages pass one link that is pulled from', async () => {
    fill(5000);
    const receiver = client.createReceiver('work', { maxAutoLockRenewalDurationInMs: 0 });
    let received = 0;
    while (received < 5000) {
      const messages = await receiver.receiveMessages(250, { maxWaitTimeInMs: 2000 });
      await Promise.all(messages.map((message) => receiver.completeMessage(message)));
      received += messages.length;
      if (messages.length === 0) break;
    }
    expect(received).toBe(5000);
  });

  test('more messages than the ring holds can be locked at once on one link, after some are settled', async () => {
    fill(3000);
    const receiver = client.createReceiver('work', { maxAutoLockRenewalDurationInMs: 0 });
    const messages = await receiver.receiveMessages(2000, { maxWaitTimeInMs: 2000 });
    expect(messages).toHaveLength(2000);
    await Promise.all(messages.map((message) => receiver.completeMessage(message)));
    expect(await receiver.receiveMessages(1000, { maxWaitTimeInMs: 2000 })).toHaveLength(1000);
  });

  test('receiveAndDelete passes 5,000 on one link', async () => {
    fill(5000);
    const receiver = client.createReceiver('work', { receiveMode: 'receiveAndDelete' });
    let received = 0;
    for (let empty = 0; received < 5000 && empty < 2; ) {
      const messages = await receiver.receiveMessages(500, { maxWaitTimeInMs: 2000 });
      received += messages.length;
      if (messages.length === 0) empty++;
    }
    expect(received).toBe(5000);
  });

  test('with 100,000 waiting a message takes no longer than with 1,000', async () => {
    const drain = async (count: number): Promise<number> => {
      const started = performance.now();
      const { handled, receiver } = worker(32);
      await expect.poll(() => handled.length, { interval: 1 }).toBeGreaterThanOrEqual(count);
      const took = performance.now() - started;
      await receiver.close();
      return took;
    };
    fill(3000);
    await drain(3000);
    fill(3000);
    const few = await drain(3000);
    fill(100_000);
    const many = await drain(3000);
    expect(counts().active).toBeGreaterThan(90_000);
    expect(many, `3,000 of 100,000 took ${many} ms, 3,000 of 3,000 took ${few} ms`).toBeLessThan(
      few * 3 + 300,
    );
  });

  test('several clients share a queue, each message going to one of them', async () => {
    const clients = Array.from({ length: 4 }, () => new ServiceBusClient(bus.connectionString));
    const workers = clients.map((each) => worker(5, 'work', each));
    const sender = client.createSender('work');
    await Promise.all(Array.from({ length: 400 }, (_, body) => sender.sendMessages({ body })));
    const all = () => workers.flatMap(({ handled }) => handled);
    await expect.poll(() => all().length).toBe(400);
    expect(new Set(all()).size).toBe(400);
    for (const { handled } of workers) expect(handled.length, 'fairly shared').toBeGreaterThan(40);
    await Promise.all(clients.map((each) => each.close()));
    await expect.poll(() => bus.counters().connections.open).toBe(1);
  });
});

describe('what breaks', () => {
  test('the messages of a process that was killed come back when their locks expire', async () => {
    fill(10, 'quick');
    const program = `
      import { ServiceBusClient } from '@azure/service-bus';
      const receiver = new ServiceBusClient(process.argv[1]).createReceiver('quick');
      const messages = await receiver.receiveMessages(10);
      console.log(messages.length);
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, bus.connectionString], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [output] = await once(child.stdout, 'data');
    expect(String(output).trim()).toBe('10');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const left = counts('quick').locked;
    expect(left).toBe(10);
    const { handled } = worker(10, 'quick');
    await expect.poll(() => handled.length).toBe(10);
    expect(counts('quick')).toMatchObject({ expiredLocks: 10, completed: 10 });
    expect(bus.counters().connections.open, 'the dead client has no socket any more').toBe(1);
  });

  test('subscribed links that are detached by force 20 times under load come back every time', async () => {
    const { handled, errors } = worker(16);
    for (let round = 1; round <= 20; round++) {
      fill(100);
      await expect.poll(() => handled.length, { interval: 2 }).toBeGreaterThan((round - 1) * 100);
      bus.act('detachLinks', { entity: 'work' });
      fill(100);
      // Everything but what a handler held when its link was cut: that waits for its lock.
      await expect.poll(() => counts().active, { interval: 5 }).toBe(0);
      bus.act('loseLocks');
      await expect.poll(() => counts().active + counts().locked, { interval: 5 }).toBe(0);
    }
    expect(errors.length).toBeGreaterThanOrEqual(20);
    expect(new Set(errors)).toContain('GeneralError');
  });

  test('a subscribed client comes back by itself when its connection is dropped', async () => {
    const { handled } = worker(8);
    for (let round = 1; round <= 3; round++) {
      fill(20);
      await expect.poll(() => handled.length).toBe(round * 20);
      expect(bus.act('dropConnections')).toEqual({ dropped: 1 });
    }
    fill(1);
    await expect.poll(() => handled.length).toBe(61);
  });

  test('a restart keeps the messages, and subscribed clients find it again', async () => {
    const { handled } = worker(8);
    fill(1);
    await expect.poll(() => handled.length).toBe(1);
    const restarted = bus.act('restart', { downMs: 200 });
    fill(5);
    await restarted;
    await expect.poll(() => handled.length).toBe(6);
  });

  test('locks that are lost come back counted, and settling the old delivery says so', async () => {
    fill(2);
    const receiver = client.createReceiver('work');
    const messages = await receiver.receiveMessages(2);
    expect(bus.act('loseLocks', { entity: 'work' })).toEqual({ lost: 2 });
    await expect(receiver.completeMessage(messages[0]!)).rejects.toMatchObject({ code: 'MessageLockLost' });
    const again = await receiver.receiveMessages(2);
    expect(again.map(({ body, deliveryCount }: ServiceBusReceivedMessage) => [body, deliveryCount])).toEqual([
      [0, 1],
      [1, 1],
    ]);
  });
});
