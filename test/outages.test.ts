import { describe, expect, test } from 'vitest';
import { conversation, setTheScene } from './setting.ts';

/** So many may be held, and so many receives may have been under way when the gate closed. */
const LIMITS = { MAX_CONCURRENCY: '3', MAX_LOCKED_EVENTS: '6' };
/** SPEC §6: work resumes within 5 s of the end of an outage. */
const RESUMED = { timeout: 5_000, interval: 20 };

async function withTraffic(count = 12) {
  const scene = await setTheScene({ lockDurationMs: 2_000 });
  const { stack, show, counters, path } = scene;
  const talks = Array.from({ length: count }, () => conversation(1, { title: 'Named' }));
  for (const { snapshot } of talks) await show(snapshot);
  const send = (from: number, to: number): void =>
    stack.serviceBus
      .entity('message-completed')
      .send(talks.slice(from, to).map(({ event, sessionId }) => ({ body: event, messageId: sessionId })));
  return { ...scene, talks, send, entity: () => counters().entities[path]! };
}

const services = ['redis', 'cosmos'] as const;
const kinds = [
  ['refuses', { refuseConnections: true }, { refuseConnections: false }],
  ['hangs', { freeze: true }, { freeze: false }],
] as const;

describe.each(services)('while %s', (service) => {
  test.each(kinds)(
    '%s, its gate is closed: events stay where they are, and work resumes within 5 s',
    async (_, on, off) => {
      const { stack, work, send, entity } = await withTraffic();
      const { worker, lines } = await work(LIMITS);
      send(0, 2);
      await expect.poll(() => entity().completed).toBe(2);
      const gate = worker.gates.find(({ dependency }) => dependency === service)!;
      expect(gate.isOpen).toBe(true);

      stack[service].setFaults(on);
      send(2, 6);
      await expect.poll(() => gate.isOpen).toBe(false);
      // Receives that were under way end within a second; the locks of what is held are renewed for longer than they last.
      const renewed = async (times: number): Promise<void> => {
        const { renewals } = entity();
        await expect.poll(() => entity().renewals).toBeGreaterThan(renewals + times * 4);
      };
      await renewed(1);
      expect(entity()).toMatchObject({ delivered: 6, completed: 2 });
      send(6, 12);
      await renewed(2);
      expect(entity()).toMatchObject({ delivered: 6, completed: 2 });
      expect(worker.held).toBe(4);

      stack[service].setFaults(off);
      await expect.poll(() => entity().completed, RESUMED).toBe(12);
      expect(entity()).toMatchObject({
        delivered: 12,
        redelivered: 0,
        abandoned: 0,
        deadLettered: 0,
        expiredLocks: 0,
      });
      expect(
        lines.filter(({ code, dependency }) => code === 'GateClosed' && dependency === service),
      ).toHaveLength(1);
    },
  );
});

test('all services away at once, Service Bus too, cost no event a delivery as long as the locks live', async () => {
  const { stack, work, send, entity } = await withTraffic();
  const { worker, fatal } = await work(LIMITS);
  send(0, 2);
  await expect.poll(() => entity().completed).toBe(2);
  for (const service of [stack.redis, stack.cosmos, stack.chat])
    service.setFaults({ refuseConnections: true });
  send(2, 12);
  await expect.poll(() => worker.gates.filter(({ isOpen }) => !isOpen).length).toBeGreaterThan(0);
  stack.serviceBus.setFaults({ refuseConnections: true });
  stack.serviceBus.act('dropConnections');
  await expect.poll(() => stack.serviceBus.counters().connections.open).toBe(0);
  stack.serviceBus.setFaults({ refuseConnections: false });
  for (const service of [stack.redis, stack.cosmos, stack.chat])
    service.setFaults({ refuseConnections: false });
  await expect.poll(() => entity().completed).toBe(12);
  expect(entity()).toMatchObject({ abandoned: 0, deadLettered: 0 });
  expect(fatal).toEqual([]);
});

test('a half-dead service, of which every third call fails, closes nothing for long and loses nothing', async () => {
  const { stack, work, send, entity } = await withTraffic(40);
  await work(LIMITS);
  stack.cosmos.setFaults({ status: { code: 503, every: 3, operations: ['read', 'create', 'replace'] } });
  send(0, 40);
  await expect.poll(() => entity().completed).toBe(40);
  expect(entity()).toMatchObject({ delivered: 40, deadLettered: 0 });
});

test('a slow service is no outage', async () => {
  const { stack, work, send, entity } = await withTraffic(6);
  const { worker } = await work(LIMITS);
  stack.redis.setFaults({ latencyMs: 800 });
  stack.cosmos.setFaults({ latencyMs: 800 });
  send(0, 6);
  await expect.poll(() => entity().completed).toBe(6);
  expect(worker.gates.every(({ isOpen, reason }) => isOpen && reason === undefined)).toBe(true);
  expect(entity().delivered).toBe(6);
});

test('one poisoned key and one full partition close nothing: the others go on', async () => {
  const { stack, work, send, show, announce, talks, entity } = await withTraffic();
  const { worker, lines } = await work(LIMITS);
  stack.redis.setFaults({ failKeys: [`session:${talks[0]!.sessionId}`] });
  const full = conversation(1, { title: 'Named', userId: 'user_full' });
  stack.cosmos.setFaults({ partitionFull: ['user_full'] });
  await show(full.snapshot);
  await announce({ ...full.event, userId: 'user_full' });
  send(0, 12);
  await expect.poll(() => entity().completed).toBe(11);
  await expect.poll(() => entity().deadLettered).toBe(1);
  // The broker counts a settlement before the worker hears of it.
  await expect.poll(() => worker.held).toBe(1);
  expect(lines.filter(({ code }) => code === 'GateClosed')).toEqual([]);
  stack.redis.setFaults({ failKeys: [] });
  await expect.poll(() => entity().completed).toBe(12);
  expect(entity().delivered).toBe(13);
});

test('a denied or missing container is an outage of configuration: the gate names the cause, nothing is lost', async () => {
  const { stack, work, send, entity } = await withTraffic(4);
  const { worker } = await work(LIMITS);
  stack.cosmos.setFaults({ status: { code: 403, substatus: 0 } });
  send(0, 4);
  const gate = worker.gates.find(({ dependency }) => dependency === 'cosmos')!;
  await expect.poll(() => gate.reason).toMatch(/403.*denied/);
  stack.cosmos.setFaults({ status: null });
  await expect.poll(() => entity().completed, RESUMED).toBe(4);
  expect(entity()).toMatchObject({ delivered: 4, deadLettered: 0 });
});

test('a throttled account lowers the rate and is worked to the end, with no delivery spent', async () => {
  const { stack, work, send, entity } = await withTraffic(40);
  const { worker } = await work({ MAX_CONCURRENCY: '10', MAX_LOCKED_EVENTS: '40' });
  stack.cosmos.setFaults({ requestUnitsPerSecond: 60 });
  send(0, 40);
  await expect.poll(() => entity().completed).toBe(40);
  expect(stack.cosmos.counters().writesRefused.throttled429).toBeGreaterThan(0);
  expect(worker.gates.every(({ reason }) => reason === undefined)).toBe(true);
  expect(entity()).toMatchObject({ delivered: 40, deadLettered: 0 });
});

test('a title model that hangs delays a few events once; then fallback titles go out at once, and later events bring the titles', async () => {
  const { stack, show, announce, work, item, counters, path } = await setTheScene();
  const { worker } = await work({ TITLE_TIMEOUT_SECONDS: '1' });
  stack.chat.setFaults({ freeze: true });
  const talks = Array.from({ length: 30 }, () => conversation());
  for (const { snapshot } of talks) await show(snapshot);
  await Promise.all(talks.slice(0, 4).map(({ event }) => announce(event)));
  const gate = worker.gates.find(({ dependency }) => dependency === 'titles')!;
  await expect.poll(() => gate.isOpen).toBe(false);
  const asked = stack.chat.counters().requests;
  await Promise.all(talks.slice(4).map(({ event }) => announce(event)));
  await expect.poll(() => counters().entities[path]!.completed).toBe(30);
  expect(stack.chat.counters().requests - asked).toBeLessThan(5);
  expect(talks.every(({ userId, sessionId }) => item(userId, sessionId)?.title === 'New Conversation')).toBe(
    true,
  );

  stack.chat.setFaults({ freeze: false });
  const titled = (): number =>
    talks.filter(({ userId, sessionId }) => item(userId, sessionId)?.title !== 'New Conversation').length;
  // A closed gate lets one request through every 5 s.
  const giveUpMs = performance.now() + 20_000;
  while (titled() < 30 && performance.now() < giveUpMs) {
    await Promise.all(talks.map(({ event }) => announce(event)));
    await expect.poll(() => counters().entities[path]!.active).toBe(0);
  }
  expect(titled()).toBe(30);
  expect(gate.isOpen).toBe(true);
});
