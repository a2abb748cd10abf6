import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readConfig } from '../src/config.ts';
import { purgeDeadLetters } from '../src/operations/dead-letters-purge.ts';
import { resultOf, runCommand, startCommand } from './command.ts';
import { runHere } from './command-here.ts';
import { setAside } from './set-aside.ts';
import { conversation, setTheScene } from './setting.ts';

type Scene = Awaited<ReturnType<typeof setTheScene>>;

const deadPath = ({ path }: Scene): string => `${path}/$DeadLetterQueue`;
const someConversations = (count: number, fields = {}) =>
  Array.from({ length: count }, () => conversation(1, fields));
const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'dead-letters-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
};

describe('seeing', () => {
  test('list counts all of them by reason, also those of later pages, and receives nothing', async () => {
    const scene = await setTheScene();
    const { environment } = scene.stack;
    await setAside(
      scene,
      someConversations(430).map(({ event }) => event),
    );
    await setAside(scene, [{ ...conversation().event, userId: 7 }], 'InvalidEvent');
    const listed = await runHere(environment, ['dead-letters', 'list', '--json']);
    expect(listed.code).toBe(0);
    expect(resultOf(listed)).toMatchObject({
      total: 431,
      groups: [
        { reason: 'ConversationNotFound', count: 430, overADay: 0, oldest: expect.stringMatching(/^20.*Z$/) },
        { reason: 'InvalidEvent', count: 1, remedy: expect.stringContaining('publisher') },
      ],
    });
    const { stdout } = await runHere(environment, ['dead-letters', 'list']);
    expect(stdout).toMatch(/430 {2}ConversationNotFound/);
    expect(stdout).not.toContain('\u001b');
    expect(scene.counters().entities[deadPath(scene)]).toMatchObject({ delivered: 0, active: 431 });
  });

  test('list of none, of one reason, and of one conversation', async () => {
    const scene = await setTheScene();
    const { environment } = scene.stack;
    const list = async (...args: string[]) =>
      resultOf(await runHere(environment, ['dead-letters', 'list', '--json', ...args])).total;
    expect(await list()).toBe(0);
    const [one, other] = [conversation(), conversation()];
    await setAside(scene, [one.event, other.event]);
    await setAside(scene, [one.event], 'PartitionFull');
    expect(await list('--session', one.sessionId)).toBe(2);
    expect(await list('--session', one.sessionId, '--reason', 'PartitionFull')).toBe(1);
    expect(await list('--reason', 'PartitionFull', '--reason', 'ConversationNotFound')).toBe(3);
    expect(await list('--reason', 'Nonsense')).toBe(0);
  });

  test('show tells ids and reasons, never a body, and lets no control character through', async () => {
    const scene = await setTheScene();
    const { environment } = scene.stack;
    const { event } = conversation();
    const hostile = { ...event, chatMessageId: 'turn\u001b[2J\u202e', content: 'secret words' };
    await setAside(scene, [hostile], 'Reason\u001b]0;title\u0007');
    await setAside(scene, [{ secret: 'words' }], 'InvalidEvent');
    const shown = await runHere(environment, ['dead-letters', 'show']);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain(event.sessionId);
    expect(shown.stdout).toContain('turn\\u001b[2J\\u202e');
    expect(shown.stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(shown.stdout).not.toContain('secret');
    // What it shows chooses.
    const byReason = ['dead-letters', 'show', '--json', '--reason', 'Reason\\u001b]0;title\\u0007'];
    expect(resultOf(await runHere(environment, byReason))).toMatchObject({ sequenceNumber: '1' });
    const one = await runHere(environment, ['dead-letters', 'show', '2', '--json']);
    expect(resultOf(one)).toMatchObject({ sequenceNumber: '2', reason: 'InvalidEvent' });
    expect(one.stdout).not.toContain('secret');
    expect((await runHere(environment, ['dead-letters', 'show', '99'])).code).toBe(1);
  });
});

describe('replaying', () => {
  test('makes durable what can be by now, and completes it; nobody else sees a copy', async () => {
    const scene = await setTheScene();
    const talks = someConversations(30);
    await setAside(
      scene,
      talks.map(({ event }) => event),
    );
    for (const { snapshot } of talks) await scene.show(snapshot);
    scene.stack.serviceBus.resetCounters();
    const replayed = await runHere(scene.stack.environment, ['dead-letters', 'replay', '--json']);
    expect(replayed.stderr).toContain('30 of 30 dead letters replayed');
    expect(replayed.code).toBe(0);
    expect(resultOf(replayed)).toMatchObject({ chosen: 30, replayed: 30, failed: {}, notMet: 0 });
    for (const { snapshot, userId, sessionId } of talks) {
      expect(scene.item(userId, sessionId)?.messages).toEqual(snapshot.messages);
      expect(scene.item(userId, sessionId)?.title).toMatch(/^Explain topic/);
    }
    const { entities } = scene.counters();
    expect(entities[deadPath(scene)]).toMatchObject({ completed: 30, active: 0, locked: 0 });
    // The topic was sent nothing, nor was the subscription.
    expect(entities['message-completed']?.received).toBe(0);
    expect(entities[scene.path]?.sent).toBe(0);
  });

  test('what fails again stays with its first reason, and is worked once a run, however long that takes', async () => {
    const scene = await setTheScene({ lockDurationMs: 5_000 });
    const { stack } = scene;
    const [gone, late] = [conversation(), conversation()];
    await setAside(scene, [gone.event, late.event], 'TurnNotFound');
    await scene.show(late.snapshot);
    // The title keeps the run going until the lock of the other one has run out, and it has come again.
    stack.chat.setFaults({ latencyMs: 7_500 });
    const replayed = await runHere(stack.environment, ['dead-letters', 'replay', '--json']);
    expect(resultOf(replayed)).toMatchObject({ replayed: 1, failed: { ConversationNotFound: 1 }, notMet: 0 });
    expect(replayed.code).toBe(2);
    expect(replayed.stderr).toMatch(/1 failed again and stay:\n +1 {2}ConversationNotFound/);
    const { delivered, locked } = scene.counters().entities[deadPath(scene)]!;
    expect(delivered).toBeGreaterThan(2);
    expect(locked).toBe(0);
    // One read of each, and the second question for the one that is not there.
    expect(stack.redis.counters().commands).toMatchObject({ GETRANGE: 2, GET: 1 });
    expect(await scene.deadLetters()).toMatchObject([
      { reason: 'TurnNotFound', description: 'TurnNotFound it was' },
    ]);
  });

  test('only those of a reason or a conversation, wherever they lie; the others are given back', async () => {
    const scene = await setTheScene();
    const { environment } = scene.stack;
    const others = someConversations(40);
    const [first, second] = [conversation(), conversation()];
    await setAside(
      scene,
      others.map(({ event }) => event),
    );
    await setAside(scene, [first.event, second.event], 'PartitionFull');
    for (const { snapshot } of [first, second, ...others]) await scene.show(snapshot);
    const bySession = await runHere(environment, [
      'dead-letters',
      'replay',
      '--json',
      '--session',
      first.sessionId,
    ]);
    expect(resultOf(bySession)).toMatchObject({ chosen: 1, replayed: 1 });
    expect(scene.stack.cosmos.items()).toHaveLength(1);
    expect(scene.counters().entities[deadPath(scene)]).toMatchObject({ completed: 1, active: 41, locked: 0 });
    const byReason = await runHere(environment, [
      'dead-letters',
      'replay',
      '--json',
      '--reason',
      'PartitionFull',
    ]);
    expect(resultOf(byReason)).toMatchObject({ chosen: 1, replayed: 1 });
    expect(scene.counters().entities[deadPath(scene)]).toMatchObject({ completed: 2, active: 40, locked: 0 });
    expect(scene.item(second.userId, second.sessionId)).toBeDefined();
  });

  test('thousands of others that lie before it are passed by, also over a single link', async () => {
    const scene = await setTheScene();
    // More than a link delivers while nothing of it is settled.
    await setAside(
      scene,
      someConversations(2_500).map(({ event }) => event),
    );
    const last = conversation();
    await setAside(scene, [last.event], 'PartitionFull');
    await scene.show(last.snapshot);
    const replayed = await runHere(
      { ...scene.stack.environment, MAX_CONCURRENCY: '1', MAX_LOCKED_EVENTS: '1' },
      ['dead-letters', 'replay', '--json', '--reason', 'PartitionFull'],
    );
    expect(resultOf(replayed)).toMatchObject({ chosen: 1, replayed: 1 });
    expect(scene.counters().entities[deadPath(scene)]).toMatchObject({ active: 2_500, locked: 0 });
  });

  test('--dry-run counts and touches nothing', async () => {
    const scene = await setTheScene();
    await setAside(scene, [conversation().event]);
    const counted = await runHere(scene.stack.environment, ['dead-letters', 'replay', '--json', '--dry-run']);
    expect(counted.code).toBe(0);
    expect(resultOf(counted)).toMatchObject({ dryRun: true, chosen: 1, replayed: 0, interrupted: false });
    expect(scene.counters().entities[deadPath(scene)]).toMatchObject({ delivered: 0, active: 1 });
  });

  test('interrupted, it finishes or gives back what is in hand; repeated, it does the rest', async () => {
    const scene = await setTheScene();
    const { stack } = scene;
    const talks = someConversations(60, { title: 'Named' });
    await setAside(
      scene,
      talks.map(({ event }) => event),
    );
    for (const { snapshot } of talks) await scene.show(snapshot);
    stack.cosmos.setFaults({ latencyMs: 100 });
    const replaying = startCommand({ ...stack.environment, MAX_CONCURRENCY: '3' }, [
      'dead-letters',
      'replay',
      '--json',
    ]);
    const state = () => scene.counters().entities[deadPath(scene)]!;
    await expect.poll(() => state().completed).toBeGreaterThan(5);
    replaying.kill('SIGINT');
    const ended = await replaying.ended;
    expect(ended.code).toBe(3);
    expect(resultOf(ended)).toMatchObject({ interrupted: true, replayed: state().completed });
    expect(state().locked).toBe(0);
    expect(state().completed).toBeLessThan(60);
    expect(state().completed + state().active).toBe(60);
    stack.cosmos.setFaults({ latencyMs: 0 });
    const again = await runHere(stack.environment, ['dead-letters', 'replay', '--json']);
    expect(again.code).toBe(0);
    expect(state()).toMatchObject({ completed: 60, active: 0 });
    for (const { snapshot, userId, sessionId } of talks)
      expect(scene.item(userId, sessionId)?.messages).toEqual(snapshot.messages);
  });

  test('killed, it loses nothing: they come back when their locks run out', async () => {
    const scene = await setTheScene({ lockDurationMs: 2_000 });
    const { stack } = scene;
    const talks = someConversations(30, { title: 'Named' });
    await setAside(
      scene,
      talks.map(({ event }) => event),
    );
    for (const { snapshot } of talks) await scene.show(snapshot);
    stack.cosmos.setFaults({ latencyMs: 100 });
    const state = () => scene.counters().entities[deadPath(scene)]!;
    const killed = startCommand({ ...stack.environment, MAX_CONCURRENCY: '3' }, ['dead-letters', 'replay']);
    await expect.poll(() => state().completed).toBeGreaterThan(3);
    killed.kill('SIGKILL');
    await killed.ended;
    stack.cosmos.setFaults({ latencyMs: 0 });
    await expect.poll(() => state().locked).toBe(0);
    const again = await runHere(stack.environment, ['dead-letters', 'replay']);
    expect(again.code).toBe(0);
    expect(state()).toMatchObject({ completed: 30, active: 0 });
  });

  test('an outage in the middle is waited for, and said', async () => {
    const scene = await setTheScene();
    const { stack } = scene;
    const talks = someConversations(20, { title: 'Named' });
    await setAside(
      scene,
      talks.map(({ event }) => event),
    );
    for (const { snapshot } of talks) await scene.show(snapshot);
    stack.cosmos.setFaults({ latencyMs: 50 });
    const state = () => scene.counters().entities[deadPath(scene)]!;
    const replaying = startCommand({ ...stack.environment, MAX_CONCURRENCY: '3' }, [
      'dead-letters',
      'replay',
      '--json',
    ]);
    await expect.poll(() => state().completed).toBeGreaterThan(2);
    stack.cosmos.setFaults({ refuseConnections: true });
    await expect.poll(replaying.stderr).toContain('GateClosed: cosmos');
    stack.cosmos.setFaults({ refuseConnections: false });
    const ended = await replaying.ended;
    expect(resultOf(ended)).toMatchObject({ replayed: 20, notMet: 0 });
    expect(ended.code).toBe(0);
    expect(state()).toMatchObject({ completed: 20, active: 0 });
  });

  test('links that are refused are waited for, and the reason is said once', async () => {
    const scene = await setTheScene();
    const { stack } = scene;
    const talk = conversation(1, { title: 'Named' });
    await setAside(scene, [talk.event]);
    await scene.show(talk.snapshot);
    stack.serviceBus.setFaults({ refuseAttach: 'com.microsoft:server-busy' });
    const refused = () => stack.serviceBus.counters().connections.accepted;
    const before = refused();
    const replaying = startCommand(stack.environment, ['dead-letters', 'replay', '--json']);
    await expect.poll(refused).toBeGreaterThan(before + 8);
    stack.serviceBus.setFaults({ refuseAttach: null });
    const ended = await replaying.ended;
    expect(resultOf(ended)).toMatchObject({ replayed: 1 });
    expect(ended.stderr.match(/GateClosed: service-bus: .* ServerBusyError/g)).toHaveLength(1);
  });

  test('two at once share the work, and both end', async () => {
    const scene = await setTheScene();
    const talks = someConversations(60, { title: 'Named' });
    await setAside(
      scene,
      talks.map(({ event }) => event),
    );
    for (const { snapshot } of talks) await scene.show(snapshot);
    scene.stack.cosmos.setFaults({ latencyMs: 20 });
    const both = await Promise.all(
      [1, 2].map(() => runCommand(scene.stack.environment, ['dead-letters', 'replay', '--json'])),
    );
    const replayed = both.map((one) => resultOf(one).replayed as number);
    expect(replayed[0]! + replayed[1]!).toBe(60);
    expect(scene.counters().entities[deadPath(scene)]).toMatchObject({ completed: 60, active: 0, locked: 0 });
    expect(both.map(({ code }) => code).every((code) => code === 0 || code === 2)).toBe(true);
  });

  test('a store that cannot be written to ends it before anything is received', async () => {
    const scene = await setTheScene();
    await setAside(scene, [conversation().event]);
    const ended = await runHere({ ...scene.stack.environment, COSMOS_CONTAINER_NAME: 'none' }, [
      ...['dead-letters', 'replay', '--json'],
    ]);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('StoreMisconfigured');
    await expect
      .poll(() => scene.counters().entities[deadPath(scene)])
      .toMatchObject({ active: 1, completed: 0, locked: 0 });
  });

  test('by Entra ID', async () => {
    const made = folder();
    const scene = await setTheScene({ entra: { certificateFile: join(made, 'ca.pem') } });
    const { snapshot, event, userId, sessionId } = conversation();
    await setAside(scene, [event]);
    await scene.show(snapshot);
    const replayed = await runCommand(scene.stack.environment, ['dead-letters', 'replay', '--json']);
    expect(resultOf(replayed)).toMatchObject({ replayed: 1 });
    expect(scene.item(userId, sessionId)?.messages).toEqual(snapshot.messages);
  });

  test('of a subscription with sessions as well', async () => {
    const scene = await setTheScene({ requiresSession: true });
    const talks = someConversations(5);
    const { worker } = await scene.work({ TURN_WAIT_SECONDS: '0' });
    for (const { event } of talks) await scene.announce(event);
    const state = () => scene.counters().entities[deadPath(scene)]!;
    await expect.poll(() => state().active).toBe(5);
    await worker.stop(5_000);
    for (const { snapshot } of talks) await scene.show(snapshot);
    const listed = await runHere(scene.stack.environment, ['dead-letters', 'list', '--json']);
    expect(resultOf(listed)).toMatchObject({ total: 5 });
    const replayed = await runHere(scene.stack.environment, ['dead-letters', 'replay', '--json']);
    expect(resultOf(replayed)).toMatchObject({ replayed: 5 });
    expect(replayed.code).toBe(0);
    expect(state()).toMatchObject({ completed: 5, active: 0 });
    expect(scene.stack.cosmos.items()).toHaveLength(5);
  });
});

describe('exporting', () => {
  test('whole, to stdout or to a new file that is nobody else’s', async () => {
    const scene = await setTheScene();
    const { environment } = scene.stack;
    const { event } = conversation();
    await setAside(scene, [event]);
    await scene.sender.sendMessages({ body: Buffer.from([0xff, 0x00]), messageId: 'bytes' });
    const work = await scene.work();
    await expect.poll(() => scene.counters().entities[deadPath(scene)]!.active).toBe(2);
    await work.worker.stop(5_000);
    const toStdout = await runHere(environment, ['dead-letters', 'export']);
    const lines = toStdout.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toMatchObject([
      { sequenceNumber: '1', reason: 'ConversationNotFound', body: event },
      { messageId: 'bytes', reason: 'InvalidEvent', bodyBase64: '/wA=' },
    ]);
    const within = folder();
    const file = join(within, 'letters.jsonl');
    // What somebody else has put where an unfinished one might lie is not written to.
    writeFileSync(`${file}.part`, 'mine', { mode: 0o644 });
    expect((await runHere(environment, ['dead-letters', 'export', '--output', file])).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(toStdout.stdout);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(`${file}.part`, 'utf8')).toBe('mine');
    expect(readdirSync(within).sort()).toEqual(['letters.jsonl', 'letters.jsonl.part']);
    writeFileSync(file, 'mine');
    expect((await runHere(environment, ['dead-letters', 'export', '--output', file])).code).toBe(1);
    expect(readFileSync(file, 'utf8')).toBe('mine');
    expect((await runHere(environment, ['dead-letters', 'export', '--output', '/nowhere/x'])).code).toBe(1);
    expect(scene.counters().entities[deadPath(scene)]).toMatchObject({ active: 2, delivered: 0 });
  });
});

describe('an export that cannot be finished leaves nothing behind', () => {
  const withOne = async () => {
    const scene = await setTheScene();
    await setAside(scene, [conversation().event]);
    const within = folder();
    const file = join(within, 'letters.jsonl');
    return { ...scene, within, file, args: ['dead-letters', 'export', '--output', file] };
  };

  test('where a link that leads nowhere has its name', async () => {
    const { stack, within, file, args } = await withOne();
    symlinkSync('nowhere', file);
    const { code, stderr } = await runHere(stack.environment, args);
    expect(code).toBe(1);
    expect(stderr).toContain('is there already');
    expect(readdirSync(within)).toEqual(['letters.jsonl']);
  });

  test('where the file is made meanwhile, which stays', async () => {
    const { stack, within, file, args } = await withOne();
    stack.serviceBus.setFaults({ latencyMs: 300 });
    const command = startCommand(stack.environment, args);
    await expect.poll(() => readdirSync(within)).toHaveLength(1);
    writeFileSync(file, 'mine');
    const { code, stderr } = await command.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/EEXIST/);
    expect(readdirSync(within)).toEqual(['letters.jsonl']);
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  test('when a signal ends it', async () => {
    const { stack, within, args } = await withOne();
    stack.serviceBus.setFaults({ freeze: true });
    const command = startCommand(stack.environment, args);
    await expect.poll(() => readdirSync(within)).toHaveLength(1);
    command.kill('SIGINT');
    const { code } = await command.ended;
    stack.serviceBus.setFaults({ freeze: false });
    expect(code).toBe(3);
    expect(readdirSync(within)).toEqual([]);
  });

  test('when Service Bus is away, which is not taken for a fault of the file', async () => {
    const { stack, within, args } = await withOne();
    stack.serviceBus.setFaults({ refuseConnections: true });
    const { code, stderr } = await runHere(stack.environment, args);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Service Bus: .*\nRun "history-worker doctor"/);
    expect(readdirSync(within)).toEqual([]);
  });

  test('and a file system without links has it all the same', async () => {
    const { stack, within, file, args } = await withOne();
    const withoutLinks = { NODE_OPTIONS: `--import ${join(import.meta.dirname, 'without-links.ts')}` };
    const { code } = await runHere({ ...stack.environment, ...withoutLinks }, args);
    expect(code).toBe(0);
    expect(readdirSync(within)).toEqual(['letters.jsonl']);
    expect(readFileSync(file, 'utf8')).toContain('ConversationNotFound');
  });

  test('and it wants a name', async () => {
    const { code, stderr } = await runHere({}, ['dead-letters', 'export', '--output', '']);
    expect(code).toBe(1);
    expect(stderr).toContain('expected the name of a file');
  });
});

describe('purging', () => {
  test('asks first: without a terminal and without --yes nothing is deleted', async () => {
    const scene = await setTheScene();
    await setAside(scene, [conversation().event]);
    for (const args of [[], ['--dry-run']]) {
      const asked = await runHere(scene.stack.environment, ['dead-letters', 'purge', '--json', ...args]);
      expect(asked.code).toBe(args.length === 0 ? 1 : 0);
      expect(resultOf(asked)).toMatchObject({ chosen: 1, deleted: 0 });
    }
    expect(scene.counters().entities[deadPath(scene)]).toMatchObject({ active: 1, delivered: 0 });
  });

  test('with --yes deletes those that were chosen, and gives back the others', async () => {
    const scene = await setTheScene();
    await setAside(
      scene,
      someConversations(30).map(({ event }) => event),
    );
    await setAside(
      scene,
      someConversations(300).map(({ event }) => event),
      'InvalidEvent',
    );
    const purged = await runHere(scene.stack.environment, [
      ...['dead-letters', 'purge', '--yes', '--json', '--reason', 'InvalidEvent'],
    ]);
    expect(resultOf(purged)).toMatchObject({ chosen: 300, deleted: 300 });
    expect(purged.code).toBe(0);
    expect(scene.counters().entities[deadPath(scene)]).toMatchObject({
      completed: 300,
      active: 30,
      locked: 0,
    });
  });

  test('ended by an outage it tells what it has deleted', async () => {
    const scene = await setTheScene();
    await setAside(
      scene,
      someConversations(40).map(({ event }) => event),
    );
    scene.stack.serviceBus.setFaults({ latencyMs: 100 });
    const few = { MAX_CONCURRENCY: '2', MAX_LOCKED_EVENTS: '2' };
    const purging = startCommand({ ...scene.stack.environment, ...few }, [
      ...['dead-letters', 'purge', '--yes', '--json'],
    ]);
    const completed = () => scene.counters().entities[deadPath(scene)]?.completed ?? 0;
    await expect.poll(completed).toBeGreaterThan(4);
    scene.stack.serviceBus.setFaults({ freeze: true });
    const ended = await purging.ended;
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('DeadlineError');
    const { deleted } = resultOf(ended) as { deleted: number };
    expect(ended.stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(resultOf(ended)).toMatchObject({ chosen: 40, error: { code: 'ReceiveFailed' } });
    expect(deleted).toBeGreaterThan(2);
    expect(deleted).toBeLessThanOrEqual(completed());
    expect(ended.stderr).toContain(`${deleted} of 40 dead letters deleted.`);
    scene.stack.serviceBus.setFaults({ freeze: false });
  }, 60_000);

  test('what comes after the question stays', async () => {
    const scene = await setTheScene();
    await setAside(
      scene,
      someConversations(3).map(({ event }) => event),
    );
    const silent = (): void => undefined;
    const log = { debug: silent, info: silent, warn: silent, error: silent };
    const { outcomes } = await purgeDeadLetters(readConfig(scene.stack.environment), new Set(['1', '2']), {
      log,
      signal: new AbortController().signal,
      hurry: new AbortController().signal,
    });
    expect([...outcomes.keys()].sort()).toEqual(['1', '2']);
    expect(scene.counters().entities[deadPath(scene)]).toMatchObject({ completed: 2, active: 1, locked: 0 });
  });
});

test('a subscription that is not there ends it with 1, and a faulty configuration with 78', async () => {
  const { stack } = await setTheScene();
  const missing = await runHere(
    { ...stack.environment, SERVICEBUS_MESSAGE_COMPLETED_SUBSCRIPTION: 'there-is-none' },
    ['dead-letters', 'list'],
  );
  expect(missing.code).toBe(1);
  expect(missing.stderr).toContain('MessagingEntityNotFound');
  expect(missing.stderr).toContain('history-worker doctor');
  stack.serviceBus.setFaults({ refuseCbs: true });
  const refused = await runHere(stack.environment, ['dead-letters', 'list']);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/^Service Bus: UnauthorizedAccess: .*\n.*doctor/);
  stack.serviceBus.setFaults({ refuseCbs: false });
  const faulty = await runHere({}, ['dead-letters', 'list']);
  expect(faulty.code).toBe(78);
  expect(faulty.stderr).toContain('REDIS_HOST');
});
