import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { bareEnvironment, resultOf, startCommand } from './command.ts';
import { conversation, setTheScene } from './setting.ts';

type Scene = Awaited<ReturnType<typeof setTheScene>>;

async function setAside(
  { sender, serviceBus, stack, path }: Scene,
  bodies: unknown[],
  reasonOf: (index: number) => string = () => 'ConversationNotFound',
): Promise<void> {
  const [topic, , subscription] = path.split('/');
  const receiver = serviceBus.createReceiver(topic!, subscription!);
  await sender.sendMessages(bodies.map((body) => ({ body })));
  for (let done = 0; done < bodies.length; )
    for (const message of await receiver.receiveMessages(100)) {
      await receiver.deadLetterMessage(message, {
        deadLetterReason: reasonOf(done),
        deadLetterErrorDescription: '',
      });
      done += 1;
    }
  await receiver.close();
  await expect.poll(() => stack.serviceBus.counters().entities[path]!.deadLetterCount).toBe(bodies.length);
}

test('who reads late gets all of it, also what a pipe does not hold', async () => {
  const scene = await setTheScene();
  const count = 300;
  await setAside(
    scene,
    Array.from({ length: count }, () => conversation().event),
    (index) => `${index} ${'of many reasons '.repeat(200)}`,
  );
  const connections = () => scene.stack.serviceBus.counters().connections;
  const before = { ...connections() };
  const command = startCommand(scene.stack.environment, ['dead-letters', 'list', '--json']);
  const readOn = command.rest();
  await expect.poll(() => connections().accepted).toBeGreaterThan(before.accepted);
  // It has seen all then, and has nothing left but to tell.
  await expect.poll(() => connections().open).toBe(before.open);
  readOn();
  const ended = await command.ended;
  expect(ended.code).toBe(0);
  expect(resultOf(ended).groups).toHaveLength(count);
});

test('who reads what is said may go: a reconcile goes on, and reports its result all the same', async () => {
  const { stack, redis } = await setTheScene();
  for (let index = 0; index < 20; index += 1) await redis.set(`session:broken-${index}`, 'no JSON');
  const command = startCommand(stack.environment, ['reconcile', '--json', '--rate', '20']);
  command.closeStderr();
  const ended = await command.ended;
  expect(ended.code).toBe(2);
  expect(resultOf(ended)).toMatchObject({ scanned: 20, refused: { InvalidConversation: 20 } });
});

test('a replay that nobody reads ends at a signal', async () => {
  const scene = await setTheScene();
  const talk = conversation();
  await scene.show(talk.snapshot);
  await setAside(scene, [talk.event]);
  scene.stack.cosmos.setFaults({ latencyMs: 500 });
  const command = startCommand(scene.stack.environment, ['dead-letters', 'replay', '--json']);
  command.closeStderr();
  const inHand = () => scene.stack.serviceBus.counters().entities[`${scene.path}/$DeadLetterQueue`]?.locked;
  await expect.poll(inHand).toBe(1);
  command.kill('SIGINT');
  const ended = await command.ended;
  expect(ended.code).toBe(3);
  expect(resultOf(ended)).toMatchObject({ chosen: 1, replayed: 1, interrupted: true });
});

/** Runs a command of a shell in which `$HW` is ours, with nothing else in its environment but what is given. */
const inShell = (environment: Record<string, string>, command: string) =>
  new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    const env = { ...bareEnvironment, HW: `${process.execPath} src/main.ts`, ...environment };
    execFile('sh', ['-c', command], { env }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    );
  });

test.skipIf(!existsSync('/dev/full'))(
  'on a full disk a result that cannot be written is an error of one line; what cannot be said ends nothing',
  async () => {
    const { stack, redis } = await setTheScene();
    await redis.set('session:broken', 'no JSON');
    const lost = await inShell(stack.environment, '$HW reconcile --json > /dev/full');
    expect(lost.code).toBe(1);
    expect(lost.stderr).toMatch(/stdout cannot be written: ENOSPC.*\n$/);
    expect(lost.stderr).not.toContain('    at ');
    expect((await inShell(stack.environment, '$HW sweep --json > /dev/full')).code).toBe(1);
    for (const early of ['--help', 'titles --bogus --json']) {
      const { code, stderr } = await inShell({}, `$HW ${early} > /dev/full`);
      expect(code).toBe(1);
      expect(stderr).toMatch(/stdout cannot be written: ENOSPC.*\n$/);
      expect(stderr).not.toMatch(/^ {4}at /m);
    }
    const unsaid = await inShell(stack.environment, '$HW reconcile --json 2> /dev/full');
    expect(unsaid.code).toBe(2);
    expect(resultOf(unsaid)).toMatchObject({ scanned: 1, refused: { InvalidConversation: 1 } });
  },
);
