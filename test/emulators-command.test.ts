import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { CosmosClient } from '@azure/cosmos';
import { ServiceBusClient } from '@azure/service-bus';
import { expect, onTestFinished, test } from 'vitest';
import { startCommand } from './command.ts';
import { startWorkerProcess } from './worker-process.ts';

const start = (...args: string[]) => startCommand({}, ['--', ...args], undefined, 'emulators/main.ts');
const ended = (...args: string[]) => start(...args).ended;

async function startReady(...args: string[]) {
  const emulators = start(...args);
  await expect.poll(() => emulators.stdout()).toMatch(/^ready$/m);
  const environment = parseEnv(emulators.stdout().replace(/\nready\n$/, '\n')) as Record<string, string>;
  const control = async (path: string, init?: RequestInit) =>
    (await (await fetch(`${environment.EMULATOR_CONTROL_URL}${path}`, init)).json()) as Record<
      string,
      unknown
    >;
  return { ...emulators, environment, control };
}

test('the stand-ins alone print what any client needs, and the worker runs by what they have written', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'emulators-')), '.env');
  const { environment, stdout, control, kill, ended } = await startReady('--env-file', file);
  expect(`${readFileSync(file, 'utf8')}ready\n`).toBe(stdout());
  expect(Object.keys(environment)).toEqual(
    expect.arrayContaining([
      ...[
        'SERVICEBUS_FULLY_QUALIFIED_NAMESPACE',
        'SERVICEBUS_CONNECTION_STRING',
        'SERVICEBUS_MESSAGE_COMPLETED_TOPIC',
      ],
      ...[
        'SERVICEBUS_MESSAGE_COMPLETED_SUBSCRIPTION',
        'COSMOS_ENDPOINT',
        'COSMOS_KEY',
        'COSMOS_DATABASE_NAME',
      ],
      ...[
        'COSMOS_CONTAINER_NAME',
        'AZURE_AI_CHAT_ENDPOINT',
        'AZURE_AI_API_KEY',
        'REDIS_HOST',
        'REDIS_PORT',
        'REDIS_SSL',
      ],
      'EMULATOR_CONTROL_URL',
    ]),
  );
  const worker = startWorkerProcess(environment);
  await expect.poll(() => worker.said('receiving')).toBe(true);
  worker.kill('SIGTERM');
  expect(await worker.exited).toBe(0);
  expect(Object.keys(await control('/counters'))).toEqual([
    ...['service-bus', 'cosmos', 'redis', 'chat-completions'],
  ]);
  kill('SIGTERM');
  expect((await ended).code).toBe(0);
});

test('its flags make the subscription and the container what they say', async () => {
  const { environment } = await startReady(
    ...['--lock-seconds', '7', '--sessions', '--partition-key', '/sessionId'],
  );
  const cosmos = new CosmosClient({ endpoint: environment.COSMOS_ENDPOINT!, key: environment.COSMOS_KEY! });
  const bus = new ServiceBusClient(environment.SERVICEBUS_CONNECTION_STRING!);
  onTestFinished(async () => {
    cosmos.dispose();
    await bus.close();
  });
  const { resource } = await cosmos
    .database(environment.COSMOS_DATABASE_NAME!)
    .container(environment.COSMOS_CONTAINER_NAME!)
    .read();
  expect(resource?.partitionKey?.paths).toEqual(['/sessionId']);
  const [topic, subscription] = [
    environment.SERVICEBUS_MESSAGE_COMPLETED_TOPIC!,
    environment.SERVICEBUS_MESSAGE_COMPLETED_SUBSCRIPTION!,
  ];
  await bus.createSender(topic).sendMessages({ body: 1, sessionId: 'one' });
  const session = await bus.acceptNextSession(topic, subscription);
  const lockedMs = session.sessionLockedUntilUtc.getTime() - Date.now();
  expect(lockedMs).toBeGreaterThan(4_000);
  expect(lockedMs).toBeLessThanOrEqual(7_500);
});

test('faults are set and told while it runs', async () => {
  const { control } = await startReady();
  const set = await control('/faults/cosmos', { method: 'PATCH', body: '{"latencyMs":7}' });
  expect(set).toMatchObject({ latencyMs: 7 });
  expect((await control('/faults')).cosmos).toMatchObject({ latencyMs: 7 });
  expect(
    JSON.stringify(await control('/faults/cosmos', { method: 'PATCH', body: '{"latency":7}' })),
  ).toContain('latencyMs');
});

test('an unknown flag lists the right ones, and a wrong value says what is expected', async () => {
  const unknown = await ended('--lock-second', '7');
  expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('--lock-seconds <seconds>') });
  expect((await ended('--cosmos-port', '70000')).stderr).toContain('expected a port from 0 to 65535');
  expect((await ended('--redis', 'mine')).stderr).toContain('--redis is mine, expected auto, real or ours');
});

test.each([
  ['--lock-seconds', '0', 'above 0'],
  ['--max-delivery-count', '0', 'a whole number from 1'],
  ['--max-delivery-count', '1.5', 'a whole number from 1'],
  ['--partition-key', 'userId', 'a path such as /userId'],
  ['--cosmos-latency', '2147483648', 'from 0 to 2147483647'],
])('%s %s is refused', async (flag, value, expected) => {
  const { code, stderr } = await ended(flag, value);
  expect(code).toBe(1);
  expect(stderr).toMatch(new RegExp(`${flag} .*${value}.*expected .*${expected}`));
});

test.each([
  ['--env-file', 'with --env-file: ENOENT'],
  ['--entra', 'with --entra: ENOENT'],
])('a file that cannot be written is named with its flag: %s', async (flag, told) => {
  const { code, stderr } = await ended(flag, join(tmpdir(), 'no-such-folder', 'file'));
  expect(code).toBe(1);
  expect(stderr).toContain(told);
});

test('a file of somebody else’s is kept beside the one that is written; one of its own is written over', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'emulators-')), '.env');
  for (const [host, kept] of [
    ['first', '.before'],
    ['second', '.before-2'],
  ]) {
    writeFileSync(file, `REDIS_HOST=${host}\n`);
    const emulators = await startReady('--env-file', file);
    expect(parseEnv(readFileSync(file, 'utf8'))).toEqual(emulators.environment);
    expect(readFileSync(`${file}${kept}`, 'utf8')).toBe(`REDIS_HOST=${host}\n`);
    expect(emulators.stderr()).toBe(`What ${file} held is kept as ${file}${kept}.\n`);
  }
  const again = await startReady('--env-file', file);
  expect(parseEnv(readFileSync(file, 'utf8'))).toEqual(again.environment);
  expect(again.stderr()).toBe('');
});

test('a data folder of another partition key is told, and not by the flag of a port', async () => {
  const data = mkdtempSync(join(tmpdir(), 'emulators-'));
  const first = await startReady('--data', data);
  first.kill('SIGTERM');
  await first.ended;
  const { code, stderr } = await ended('--data', data, '--partition-key', '/sessionId');
  expect(code).toBe(1);
  expect(stderr).toMatch(/^Could not start Cosmos DB: .*mydocuments.*\/userId.*not \/sessionId/);
});

test('who reads the lines may go; the stand-ins stay', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'emulators-')), '.env');
  const { closeStdout, stderr } = start('--env-file', file);
  closeStdout();
  const control = async () => {
    const written = parseEnv(readFileSync(file, 'utf8'));
    return (await fetch(`${written.EMULATOR_CONTROL_URL}/counters`)).status;
  };
  await expect.poll(() => control().catch(() => undefined)).toBe(200);
  expect(stderr()).toBe('');
});

test.each(['service-bus', 'cosmos', 'redis', 'chat', 'control'])(
  'a taken port of %s is told with the flag that moves it',
  async (name) => {
    const taken = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void taken.close());
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const { code, stderr } = await ended(`--${name}-port`, String(port));
    expect(code).toBe(1);
    expect(stderr).toContain(String(port));
    expect(stderr).toContain(`--${name}-port`);
  },
);
