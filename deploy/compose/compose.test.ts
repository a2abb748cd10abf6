import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import OpenAI from 'openai';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { SUBSCRIPTION, TOPIC } from '../../emulators/stack.ts';
import { readConfig } from '../../src/config.ts';
import { settings } from '../../src/settings.ts';
import { freePort } from '../free-port.ts';

type Service = {
  image?: string;
  build?: string;
  network_mode?: string;
  env_file?: string;
  volumes?: string[];
  ports?: string[];
  entrypoint?: string[];
  stop_grace_period?: string;
  read_only?: boolean;
  depends_on?: string[] | Record<string, unknown>;
};
const { services } = parse(readFileSync('deploy/compose.yaml', 'utf8'), { merge: true }) as {
  services: Record<string, Service>;
};
const given = parseEnv(readFileSync('deploy/compose/worker.env', 'utf8')) as Record<string, string>;

test('the worker starts with its variables, all of which it knows', () => {
  expect(readConfig(given)).toMatchObject({
    serviceBus: { topic: TOPIC, subscription: SUBSCRIPTION },
    redis: { host: 'redis', tls: false },
  });
  const known = settings.map(({ name }) => name);
  expect(Object.keys(given).filter((name) => !known.includes(name))).toEqual([]);
});

test('what speaks plain HTTP shares one network, whose ports are published on loopback only', () => {
  const shared = Object.values(services).filter(({ network_mode }) => network_mode === 'service:cosmos');
  expect(shared.length).toBe(3);
  const published = Object.values(services).flatMap(({ ports }) => ports ?? []);
  expect(published.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  for (const url of [given.COSMOS_ENDPOINT!, given.AZURE_AI_CHAT_ENDPOINT!]) {
    const { hostname, port } = new URL(url);
    expect(hostname).toBe('localhost');
    expect(services.cosmos!.ports).toContain(`127.0.0.1:${port}:${port}`);
  }
  expect(services.cosmos!.ports).toContain(`127.0.0.1:${given.HEALTH_PORT}:${given.HEALTH_PORT}`);
});

test('every file that is named is there, and every service that is waited for', () => {
  for (const { env_file, volumes, build, entrypoint, depends_on } of Object.values(services)) {
    const paths = [
      env_file,
      build && `${build}/Dockerfile`,
      ...(volumes ?? []).map((volume) => volume.split(':')[0]),
    ];
    for (const path of paths) if (path) expect(existsSync(join('deploy', path)), path).toBe(true);
    const started = entrypoint?.[1]?.replace('/app/', '');
    if (started) expect(existsSync(started), started).toBe(true);
    const awaited = Array.isArray(depends_on) ? depends_on : Object.keys(depends_on ?? {});
    expect(awaited.filter((name) => !services[name])).toEqual([]);
  }
});

test('the worker ends and is held as in production', () => {
  expect(services.worker).toMatchObject({ stop_grace_period: '75s', read_only: true, cap_drop: ['ALL'] });
});

test('the emulator has the topic and the subscription, within its own bounds', () => {
  const { UserConfig } = JSON.parse(readFileSync('deploy/compose/service-bus.json', 'utf8')) as {
    UserConfig: {
      Namespaces: {
        Topics: {
          Name: string;
          Subscriptions: { Name: string; Properties: { MaxDeliveryCount: number; LockDuration: string } }[];
        }[];
      }[];
    };
  };
  const [topic] = UserConfig.Namespaces[0]!.Topics;
  expect(topic!.Name).toBe(TOPIC);
  expect(topic!.Subscriptions).toMatchObject([
    { Name: SUBSCRIPTION, Properties: { MaxDeliveryCount: 10, LockDuration: 'PT10S' } },
  ]);
});

test('the title model by itself answers where the environment says', async () => {
  const port = await freePort();
  const environment = { ...given, AZURE_AI_CHAT_ENDPOINT: `http://localhost:${port}/openai/v1/` };
  const child = spawn(process.execPath, ['deploy/compose/title-model.ts'], { env: environment });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const client = new OpenAI({
    baseURL: environment.AZURE_AI_CHAT_ENDPOINT,
    apiKey: 'unused',
    defaultHeaders: { 'api-key': given.AZURE_AI_API_KEY! },
  });
  const { choices } = await client.chat.completions.create({
    model: given.AZURE_AI_CHAT_MODEL!,
    messages: [{ role: 'user', content: 'What is machine learning?' }],
  });
  expect(choices[0]?.message.content).toBeTruthy();
  child.kill('SIGTERM');
  expect((await once(child, 'exit'))[0]).toBe(0);
});
