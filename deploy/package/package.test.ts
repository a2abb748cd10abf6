import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { CosmosClient } from '@azure/cosmos';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startStack } from '../../emulators/stack.ts';

/** The only test that asks the registry for something: a train has none. */
const isWanted = process.env.CI === 'true' || Boolean(process.env.TEST_PACKAGE);
if (!isWanted) console.log('The package was NOT tried: TEST_PACKAGE is not set: run "npm run test:package"');
const root = process.cwd();
let folder = '';
let bin = '';
const MAX_MB = 0.5;

type Packed = { filename: string; size: number; files: { path: string }[] };
let packed: Packed;

/** Without what an npm around the test says of the checkout, so that the install is one of its own. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(npm_(package|lifecycle|config_local)|INIT_CWD|NODE_OPTIONS)/.test(name),
  ),
);
/** Not in step: the stand-ins that it may talk to run in this process. */
async function run(command: string, args: string[], extra: Record<string, string> = {}, cwd = folder) {
  const child = spawn(command, args, {
    ...{ cwd, env: { ...environment, ...extra }, timeout: 120_000 },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout: await stdout, stderr: await stderr };
}

describe.runIf(isWanted)('the package', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'history-worker-package-'));
    bin = join(folder, 'node_modules/.bin/history-worker');
    const told = await run('npm', ['pack', '--json', '--pack-destination', folder, root]);
    [packed] = JSON.parse(told.stdout.slice(told.stdout.indexOf('['))) as [Packed];
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
    const installed = await run('npm', ['install', '--no-audit', '--no-fund', `./${packed.filename}`]);
    expect({ status: installed.status, stderr: installed.stderr }).toMatchObject({ status: 0 });
  }, 240_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('holds what runs, what it says of itself, and nothing else', () => {
    const paths = packed.files.map(({ path }) => path);
    const tops = new Set(paths.map((path) => path.split('/').slice(0, 2).join('/')));
    expect([...tops].toSorted()).toEqual([
      ...['CHANGELOG.md', 'LICENSE', 'README.md', 'bin/history-worker.cjs', 'dist/emulators', 'dist/src'],
      'package.json',
    ]);
    const unwanted = paths.filter((path) => /\.test\.|\.map$|(?<!\.d)\.ts$|tsconfig|\.env/.test(path));
    expect(unwanted).toEqual([]);
    expect(paths).toContain('dist/src/console/page/index.html');
    expect(packed.size).toBeLessThan(MAX_MB * 1024 * 1024);
  });

  test('its command says what it can do and which it is, and lists its options to whoever errs', async () => {
    const help = await run(bin, ['--help']);
    expect(help.status).toBe(0);
    for (const command of ['run', 'dev', 'doctor', 'dead-letters', 'reconcile', 'erase', 'show'])
      expect(help.stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect((await run(bin, ['--version'])).stdout.trim()).toBe(version);
    const wrong = await run(bin, ['dev', '--convrsations', '5']);
    expect(wrong.status).toBe(1);
    expect(wrong.stderr).toContain('--conversations <count>');
  });

  test('under an old Node it says which one it needs', async () => {
    const old = await run(process.execPath, [
      '-e',
      `Object.defineProperty(process.versions, 'node', { value: '20.20.2' });
       process.argv[1] = ${JSON.stringify(bin)};
       require(${JSON.stringify(join(folder, 'node_modules/history-worker/bin/history-worker.cjs'))});`,
    ]);
    expect(old.status).toBe(1);
    expect(old.stderr).toContain('needs Node 24 or newer; this is 20.20.2');
  });

  test('`history-worker dev` makes conversations durable with nothing but what it brought', async () => {
    const dev = await run(bin, ['dev', '--once', '--conversations', '5', '--turns', '2', '--json']);
    expect(dev.stderr + dev.stdout).toContain('5 stored and verified');
    expect(JSON.parse(dev.stdout.trimEnd().split('\n').at(-1)!)).toMatchObject({
      ...{ events: 10, conversations: 5, persisted: 5, titled: 5, lost: 0, deadLettered: 0 },
    });
    expect(dev.status).toBe(0);
    expect(readdirSync(folder)).toContain('.local');
  }, 60_000);

  test('a wrong configuration of the worker is told by name', async () => {
    const wrong = await run(bin, ['run'], { COSMOS_ENDPOINT: 'nowhere' });
    expect(wrong.status).toBe(78);
    expect(wrong.stdout + wrong.stderr).toContain('COSMOS_ENDPOINT');
  });

  test('its reader has types, under both ways of resolving, and reads what the worker has stored', async () => {
    const stack = await startStack();
    const cosmos = new CosmosClient({
      endpoint: stack.environment.COSMOS_ENDPOINT!,
      key: stack.environment.COSMOS_KEY!,
    });
    try {
      await cosmos
        .database(stack.environment.COSMOS_DATABASE_NAME!)
        .container(stack.environment.COSMOS_CONTAINER_NAME!)
        .items.create(STORED);
      mkdirSync(join(folder, 'front'), { recursive: true });
      const consumer = join(folder, 'front', 'read.ts');
      writeFileSync(consumer, CONSUMER);
      for (const { module, moduleResolution } of [
        { module: 'nodenext', moduleResolution: 'nodenext' },
        { module: 'esnext', moduleResolution: 'bundler' },
      ]) {
        const strict = { strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true };
        const compilerOptions = { ...strict, target: 'es2024', types: [], module, moduleResolution };
        writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [consumer] }));
        const checked = await run(join(root, 'node_modules/.bin/tsc'), ['-p', folder]);
        expect(checked).toEqual({ status: 0, stdout: '', stderr: '' });
      }
      const read = await run(process.execPath, [consumer], stack.environment);
      expect(read.stderr).toBe('');
      expect(JSON.parse(read.stdout)).toEqual({
        titles: ['Better coffee'],
        contents: ['Hi', 'Grind fresh.'],
      });
    } finally {
      cosmos.dispose();
      await stack.close();
    }
  }, 60_000);
});

test('in a checkout, where nothing is built, its command says what to use there', async () => {
  const checkout = mkdtempSync(join(tmpdir(), 'history-worker-checkout-'));
  onTestFinished(() => rmSync(checkout, { recursive: true, force: true }));
  mkdirSync(join(checkout, 'bin'));
  const command = join(checkout, 'bin/history-worker.cjs');
  copyFileSync(join(root, 'bin/history-worker.cjs'), command);
  const told = await run(process.execPath, [command, '--help'], {}, checkout);
  expect(told).toMatchObject({ status: 1, stdout: '' });
  expect(told.stderr).toContain('npx node src/main.ts');
});

/** As the worker leaves it. */
const STORED = {
  ...{ id: 'chat-1', sessionId: 'chat-1', userId: 'ann', title: 'Better coffee' },
  ...{ createdAt: '2026-11-26T10:00:00Z', lastActivity: '2026-11-26T10:00:15Z' },
  persistedAt: '2026-11-26T10:00:16Z',
  messages: [
    { messageId: 'm1_user', role: 'user', content: 'Hi', timestamp: '2026-11-26T10:00:00Z' },
    { messageId: 'm1', role: 'assistant', content: 'Grind fresh.', timestamp: '2026-11-26T10:00:15Z' },
  ],
};

/** What a chat front end would write. */
const CONSUMER = `
import { openReader, type Listed, type Reader } from 'history-worker/reader';
declare const process: { env: Record<string, string> };
declare const console: { log(text: string): void };
const { COSMOS_ENDPOINT, COSMOS_KEY, COSMOS_DATABASE_NAME, COSMOS_CONTAINER_NAME } = process.env;
const reader: Reader = openReader({
  endpoint: COSMOS_ENDPOINT!,
  access: { key: COSMOS_KEY! },
  database: COSMOS_DATABASE_NAME!,
  container: COSMOS_CONTAINER_NAME!,
});
const { conversations } = await reader.list('ann');
const titles = conversations.map(({ title }: Listed) => title);
const conversation = await reader.read({ userId: 'ann', sessionId: conversations[0]!.id });
const contents = conversation?.messages.map(({ content }) => content);
console.log(JSON.stringify({ titles, contents }));
reader.close();
`;
