import { ServiceBusClient } from '@azure/service-bus';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ServiceBusEmulator, startServiceBus } from './index.ts';

let bus: ServiceBusEmulator;
let client: ServiceBusClient;

beforeEach(async () => {
  bus = await startServiceBus({ queues: [{ name: 'work' }, { name: 'talks', requiresSession: true }] });
  client = new ServiceBusClient(bus.connectionString, {
    retryOptions: { maxRetries: 0, timeoutInMs: 2000, retryDelayInMs: 100 },
  });
});

afterEach(async () => {
  await client.close();
  await bus.close();
});

const fill = (count: number) =>
  bus.entity('work').send(Array.from({ length: count }, (_, body) => ({ body })));
const outcomeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    ({ code }) => code,
  );

test('every nth settlement is refused, on whatever link, and its message stays locked', async () => {
  fill(7);
  const one = client.createReceiver('work');
  const other = client.createReceiver('work');
  const messages = [...(await one.receiveMessages(4)), ...(await other.receiveMessages(3))];
  bus.setFaults({ refuseSettlements: 'com.microsoft:server-busy', refuseSettlementsEvery: 3 });
  const outcomes: unknown[] = [];
  for (const [at, message] of messages.entries())
    outcomes.push(await outcomeOf((at < 4 ? one : other).completeMessage(message)));
  expect(outcomes).toEqual(['done', 'done', 'ServiceBusy', 'done', 'done', 'ServiceBusy', 'done']);
  expect(bus.counters().entities.work).toMatchObject({ completed: 5, locked: 2 });
  bus.setFaults({ refuseSettlementsEvery: null });
  fill(1);
  const [last] = await one.receiveMessages(1);
  expect(await outcomeOf(one.completeMessage(last!))).toBe('ServiceBusy');
  bus.setFaults({ refuseSettlements: null });
  fill(1);
  const [good] = await one.receiveMessages(1);
  expect(await outcomeOf(one.completeMessage(good!))).toBe('done');
});

test('a count alone refuses nothing', async () => {
  fill(1);
  bus.setFaults({ refuseSettlementsEvery: 1 });
  const receiver = client.createReceiver('work');
  const [message] = await receiver.receiveMessages(1);
  expect(await outcomeOf(receiver.completeMessage(message!))).toBe('done');
  expect(() => bus.setFaults({ refuseSettlementsEvery: 0 })).toThrow(/refuseSettlementsEvery/);
});

test.each([
  ['com.microsoft:server-busy', 'ServiceBusy', 503],
  ['com.microsoft:message-lock-lost', 'MessageLockLost', 410],
  ['amqp:unauthorized-access', 'UnauthorizedAccess', 401],
  ['com.example:unknown', 'GeneralError', 400],
])('renewals are refused with %s, while messages come, are settled and peeked', async (condition, code) => {
  fill(2);
  const receiver = client.createReceiver('work', { maxAutoLockRenewalDurationInMs: 0 });
  bus.setFaults({ refuseManagement: condition });
  const [message] = await receiver.receiveMessages(1);
  expect(await outcomeOf(receiver.renewMessageLock(message!))).toBe(code);
  expect(await receiver.peekMessages(2)).toHaveLength(2);
  await receiver.completeMessage(message!);
  const session = await client.acceptSession('talks', 'a', { maxAutoLockRenewalDurationInMs: 0 });
  expect(await outcomeOf(session.renewSessionLock())).toBe(code);
  expect(await outcomeOf(session.setSessionState('x'))).toBe(code);
  bus.setFaults({ refuseManagement: null });
  const [next] = await receiver.receiveMessages(1);
  await receiver.renewMessageLock(next!);
  await session.renewSessionLock();
  expect(bus.counters().totals.renewals).toBe(2);
});
