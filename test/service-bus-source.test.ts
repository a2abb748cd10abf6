import type { TokenCredential } from '@azure/identity';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { StackOptions } from '../emulators/stack.ts';
import { openServiceBus } from '../src/azure/service-bus.ts';
import { readConfig } from '../src/config.ts';
import type { HeldEvent, Log } from '../src/pipeline/ports.ts';
import { setTheScene } from './setting.ts';

const both: [string, StackOptions][] = [
  ['without sessions', {}],
  ['with sessions', { requiresSession: true }],
];
const noCredential: TokenCredential = { getToken: () => Promise.reject(new Error('not asked with a key')) };

/** The source of events alone: whoever uses it sees each receive. */
async function aSource(options: StackOptions = {}, silenceMs = 30_000) {
  const scene = await setTheScene(options);
  const { stack, counters, path } = scene;
  const lines: { code?: unknown }[] = [];
  const at = (fields: Record<string, unknown>): void => void lines.push(fields);
  const log: Log = { debug() {}, info: at, warn: at, error: at };
  const config = readConfig({ ...stack.environment, MAX_CONCURRENCY: '2' });
  const source = await openServiceBus(config, noCredential, log, { silenceMs });
  onTestFinished(() => source.close());
  const { signal } = new AbortController();
  const receive = async () => (await source.receive(signal, 1))[0];
  return {
    ...scene,
    source,
    lines,
    receive,
    entity: () => counters().entities[path]!,
    connections: () => counters().connections,
    send: (messageId: string): void =>
      stack.serviceBus
        .entity('message-completed')
        .send([{ body: { messageId }, messageId, sessionId: 'a-session' }]),
    /** As the consumer does it: again and again, until an event comes. */
    async next(): Promise<HeldEvent> {
      for (;;) {
        const held = await receive().catch(() => undefined);
        if (held) return held;
      }
    },
  };
}

describe.each(both)('%s', (_, options) => {
  test('links that fall silent while a message waits are replaced, and that is said once', async () => {
    const { stack, source, send, next, lines, entity } = await aSource(options, 1_500);
    send('first');
    const first = await next();
    stack.serviceBus.act('silenceLinks');
    send('second');
    // A session is held as long as an event of it is in hand; its link is let go with it, and a silent one does no harm.
    if (options.requiresSession) await first.settle({ kind: 'complete' });
    const second = await next();
    expect(second.messageId).toBe('second');
    if (!options.requiresSession) await first.settle({ kind: 'complete' });
    await second.settle({ kind: 'complete' });
    expect(entity()).toMatchObject({ completed: 2, delivered: 2 });
    const expected = options.requiresSession ? 0 : 1;
    expect(lines.filter(({ code }) => code === 'LinkSilent')).toHaveLength(expected);
    await source.close();
  });

  test('fifty probes that fail leave no connection behind', async () => {
    const { stack, source, connections } = await aSource(options);
    const before = connections().open;
    stack.serviceBus.setFaults({ refuseCbs: true });
    for (let probe = 0; probe < 25; probe += 1) await expect(source.probe()).rejects.toThrow('a peek');
    stack.serviceBus.setFaults({ refuseCbs: false, freeze: true });
    await Promise.all(Array.from({ length: 25 }, () => expect(source.probe()).rejects.toThrow('a peek')));
    // Still it does not answer: nobody closes in good order here.
    await expect.poll(() => connections().open).toBeLessThanOrEqual(before);
    stack.serviceBus.setFaults({ freeze: false });
    expect(connections().accepted).toBeGreaterThanOrEqual(50);
    await source.probe();
    await expect.poll(() => connections().open).toBeLessThanOrEqual(before);
  });

  test('closing ends within two seconds, also while the broker hangs and a probe is under way', async () => {
    const { stack, source, receive, connections } = await aSource(options);
    const receiving = receive().catch(() => undefined);
    stack.serviceBus.setFaults({ freeze: true });
    const probing = source.probe().catch(() => undefined);
    const startedMs = performance.now();
    await source.close();
    expect(performance.now() - startedMs).toBeLessThan(2_500);
    await Promise.all([receiving, probing]);
    await source.close();
    stack.serviceBus.setFaults({ freeze: false });
    // The scene's own client has not sent anything.
    await expect.poll(() => connections().open).toBe(0);
  });
});

test('messages that others hold are no reason to connect anew time and again', async () => {
  const { serviceBus, send, receive, connections, lines } = await aSource({}, 600);
  const [topic, , subscription] = 'message-completed/Subscriptions/history-worker-message-completed'.split(
    '/',
  );
  const other = serviceBus.createReceiver(topic!, subscription!);
  send('theirs');
  const [theirs] = await other.receiveMessages(1, { maxWaitTimeInMs: 5_000 });
  expect(theirs).toBeDefined();
  const before = connections().accepted;
  const silent = () => lines.filter(({ code }) => code === 'LinkSilent').length;
  for (let receives = 0; receives < 9; receives += 1) expect(await receive()).toBeUndefined();
  expect(silent()).toBeGreaterThan(0);
  expect(silent()).toBeLessThanOrEqual(4);
  expect(connections().accepted - before).toBe(silent());
});

test('a message that comes to a receive that was given up is handed out at once, not lost for as long as its lock', async () => {
  const { stack, receive, send, next, entity } = await aSource();
  const receiving = receive();
  stack.serviceBus.setFaults({ freeze: true });
  send('late');
  await expect(receiving).rejects.toThrow('did not answer');
  stack.serviceBus.setFaults({ freeze: false });
  await expect.poll(() => entity().locked).toBe(1);
  const startedMs = performance.now();
  const late = await next();
  expect(late.messageId).toBe('late');
  expect(performance.now() - startedMs).toBeLessThan(5_000);
  await late.settle({ kind: 'complete' });
  expect(entity()).toMatchObject({ completed: 1, delivered: 1, expiredLocks: 0 });
});

test('an event that waits at the source when it closes is handed back', async () => {
  const scene = await setTheScene();
  const { stack, counters, path } = scene;
  stack.serviceBus.entity('message-completed').send([{ body: {}, messageId: 'first' }]);
  const log: Log = { debug() {}, info() {}, warn() {}, error() {} };
  const source = await openServiceBus(readConfig(stack.environment), noCredential, log);
  expect(counters().entities[path]).toMatchObject({ locked: 1 });
  await source.close();
  expect(counters().entities[path]).toMatchObject({ locked: 0, active: 1, abandoned: 1 });
});

test('where messages wait several come at once, and the last of them wait for no others', async () => {
  const { stack, source, entity } = await aSource();
  const bodies = Array.from({ length: 203 }, (_, body) => ({ body }));
  stack.serviceBus.entity('message-completed').send(bodies);
  const { signal } = new AbortController();
  const brought: number[] = [];
  let lastMs = 0;
  for (let count = 0; count < bodies.length; count += brought.at(-1)!) {
    const askedAtMs = performance.now();
    const events = await source.receive(signal, 8);
    lastMs = performance.now() - askedAtMs;
    await Promise.all(events.map((event) => event.settle({ kind: 'complete' })));
    brought.push(events.length);
  }
  expect(brought[0]).toBe(1);
  expect(Math.max(...brought)).toBe(8);
  // So long the client would have waited for more.
  expect(lastMs).toBeLessThan(1_000);
  expect(entity()).toMatchObject({ completed: bodies.length, redelivered: 0, locked: 0 });
});
