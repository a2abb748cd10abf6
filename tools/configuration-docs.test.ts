import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';
import { envExample, withTables } from './configuration-docs.ts';

test('the tables of variables and .env.example are those of src/settings.ts (else: npm run docs)', () => {
  for (const { is, made } of withTables()) expect(made).toBe(is);
  expect(readFileSync('.env.example', 'utf8')).toBe(envExample());
});

test('.env.example is a configuration that is accepted as it stands', () => {
  expect(() => readConfig(parseEnv(readFileSync('.env.example', 'utf8')))).not.toThrow();
});

test('every script that the README names exists', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const named = [
    ...readFileSync('README.md', 'utf8').matchAll(
      /npm (?:run )?(start|test|dev|emulators|docs|fix|simulate|chaos)\b/g,
    ),
  ].map(([, name]) => name!);
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter((name) => !scripts[name])).toEqual([]);
});
