import { ServiceBusClient, type ServiceBusSessionReceiver } from '@azure/service-bus';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ServiceBusEmulator, startServiceBus } from './index.ts';

const QUEUE = 'talks';
const PER_SESSION = 5;
let bus: ServiceBusEmulator;
const clients: ServiceBusClient[] = [];

beforeEach(async () => {
  completed = new Map();
  bus = await startServiceBus({
    queues: [{ name: QUEUE, requiresSession: true, lockDurationMs: 1500, maxDeliveryCount: 1000 }],
  });
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await bus.close();
});

const counts = () => bus.counters().entities[QUEUE]!;

/** Puts messages into sessions, turn by turn, so that a session's lie far apart. */
function fill(sessions: number): void {
  const messages = Array.from({ length: sessions * PER_SESSION }, (_, at) => ({
    sessionId: `s${at % sessions}`,
    body: Math.floor(at / sessions),
  }));
  bus.entity(QUEUE).send(messages);
}

/** What was completed, by session, as far as the clients know. */
let completed: Map<string, unknown[]>;

async function take(session: ServiceBusSessionReceiver): Promise<void> {
  for (const message of await session.receiveMessages(PER_SESSION, { maxWaitTimeInMs: 1000 })) {
    await session.completeMessage(message);
    completed.set(session.sessionId, [...(completed.get(session.sessionId) ?? []), message.body]);
  }
  await session.close();
}

/** Two more clients with so many loops each, that accept the next session and complete what is in it until the end. */
function startLoops(loops: number): void {
  for (let count = 0; count < 2; count += 1) {
    const client = new ServiceBusClient(bus.connectionString, {
      retryOptions: { maxRetries: 0, timeoutInMs: 1500 },
    });
    clients.push(client);
    const loop = async (): Promise<void> => {
      // Lost locks, cut links and waiting in vain: what a worker bears, too.
      while (clients.includes(client))
        await client
          .acceptNextSession(QUEUE)
          .then(take, () => {})
          .catch(() => {});
    };
    for (let index = 0; index < loops; index += 1) void loop();
  }
}

/** A completion whose answer was lost is missing, but none is out of order. */
function expectInOrder(bodies: unknown[], expected: unknown[]): void {
  let from = 0;
  for (const body of bodies) {
    from = expected.indexOf(body, from) + 1;
    expect(from, `${bodies} is out of order`).toBeGreaterThan(0);
  }
}

test('2,000 sessions are drained by two clients of 32 loops each, every one in order and once', async () => {
  fill(2000);
  startLoops(32);
  const known = () => [...completed.values()].reduce((sum, { length }) => sum + length, 0);
  await expect.poll(known, { timeout: 60_000 }).toBe(2000 * PER_SESSION);
  expect(completed.size).toBe(2000);
  for (const bodies of completed.values()) expect(bodies).toEqual([0, 1, 2, 3, 4]);
  expect(counts()).toMatchObject({
    active: 0,
    locked: 0,
    delivered: 10_000,
    redelivered: 0,
    expiredLocks: 0,
  });
  expect(bus.counters().connections.protocolErrors).toBe(0);
}, 70_000);

test('sessions are neither lost nor crossed by locks that are lost and links that are cut, while more comes', async () => {
  fill(200);
  startLoops(16);
  for (const [at, action] of [
    'loseSessionLocks',
    'detachLinks',
    'loseSessionLocks',
    'detachLinks',
  ].entries()) {
    await expect.poll(() => counts().completed, { interval: 5 }).toBeGreaterThan(at * 100);
    bus.act(action);
  }
  fill(200);
  await expect.poll(() => counts().completed).toBe(400 * PER_SESSION);
  expect(counts()).toMatchObject({ active: 0, locked: 0, deadLettered: 0 });
  for (const bodies of completed.values()) expectInOrder(bodies, [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
}, 70_000);

test('what clients held whose connections dropped is drained by others when the locks expire', async () => {
  fill(200);
  startLoops(16);
  await expect.poll(() => counts().completed, { interval: 5 }).toBeGreaterThan(100);
  // Not used again: after this, calls of theirs on sessions may hang.
  const lost = clients.splice(0);
  bus.act('dropConnections');
  startLoops(16);
  await expect.poll(() => counts().completed).toBe(200 * PER_SESSION);
  expect(counts()).toMatchObject({ active: 0, locked: 0, deadLettered: 0 });
  for (const bodies of completed.values()) expectInOrder(bodies, [0, 1, 2, 3, 4]);
  await Promise.all(lost.map((client) => client.close()));
}, 70_000);

test('with 100,000 waiting in 20,000 sessions a session takes no longer than in 400', async () => {
  const drain = async (messages: number): Promise<number> => {
    const until = counts().completed + messages;
    const started = performance.now();
    startLoops(8);
    await expect.poll(() => counts().completed, { interval: 2 }).toBeGreaterThanOrEqual(until);
    const took = performance.now() - started;
    await Promise.all(clients.splice(0).map((client) => client.close()));
    return took;
  };
  fill(400);
  await drain(400 * PER_SESSION);
  fill(400);
  const few = await drain(400 * PER_SESSION);
  fill(20_000);
  const many = await drain(400 * PER_SESSION);
  expect(counts().active).toBeGreaterThan(90_000);
  expect(many, `400 of 20,000 took ${many} ms, 400 of 400 took ${few} ms`).toBeLessThan(few * 3 + 300);
}, 70_000);
