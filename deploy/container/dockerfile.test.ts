import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { expect, test } from 'vitest';
import { command, environment, last, parseDockerfile } from './dockerfile.ts';
import { isIgnored } from './ignored.ts';

const stages = parseDockerfile(readFileSync('Dockerfile', 'utf8'));
const image = stages.at(-1)!;
const dockerignore = readFileSync('.dockerignore', 'utf8');
const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  engines: { node: string };
  dependencies: Record<string, string>;
};
const shipped = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .map((name) => `src/${name}`)
  .filter((name) => !isIgnored(dockerignore, name));

test('node is process 1, under a user that is not root', () => {
  expect(command(image, 'ENTRYPOINT')).toEqual(['/nodejs/bin/node', '/app/src/main.ts']);
  expect(command(image, 'CMD')).toEqual(['run']);
  expect(command(image, 'HEALTHCHECK')).toEqual(['/nodejs/bin/node', '/app/src/health-check.ts']);
  expect(last(image, 'USER')).toMatch(/^[1-9]\d+:[1-9]\d+$/);
  expect(last(image, 'STOPSIGNAL')).toBe('SIGTERM');
  expect(environment(image)).toEqual({ NODE_ENV: 'production', HEALTH_HOST: '0.0.0.0' });
});

test('both stages have the same Node, an LTS that package.json allows', () => {
  const [build, run] = stages.map(({ base }) => Number(/node(?:js)?:?(\d+)/.exec(base)?.[1]));
  expect(build).toBe(run);
  expect(build! % 2).toBe(0);
  expect(build).toBeGreaterThanOrEqual(Number(/^>=(\d+)/.exec(manifest.engines.node)?.[1]));
});

test('nothing reaches the builder but what is copied: no keys, no tests, no stand-ins', () => {
  const context = [
    '.env',
    '.env.local',
    '.git/config',
    '.local/items',
    'node_modules/rhea/package.json',
    'test',
  ];
  const own = ['src/worker.test.ts', 'src/history/merge.test.ts', 'src/dev/dev.ts', 'emulators/stack.ts'];
  expect([...context, ...own].filter((path) => !isIgnored(dockerignore, path))).toEqual([]);
  const copied = stages[0]!.instructions
    .filter(({ name }) => name === 'COPY')
    .flatMap(({ text }) => text.split(/\s+/).slice(0, -1));
  expect(copied).toContain('src');
  expect(copied.filter((path) => isIgnored(dockerignore, path))).toEqual([]);
  expect(shipped).toContain('src/main.ts');
});

test('what is shipped imports production dependencies only', () => {
  const missing = shipped
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) =>
      [...readFileSync(name, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^'.\s][^'\s]*)'/g)].map(
        ([, specifier]) => ({
          name,
          specifier: specifier!,
        }),
      ),
    )
    .filter(({ specifier }) => !specifier.startsWith('node:') && !builtinModules.includes(specifier))
    .filter(({ specifier }) => {
      const parts = specifier.split('/');
      const dependency = specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0]!;
      return !Object.hasOwn(manifest.dependencies, dependency);
    });
  expect(missing).toEqual([]);
});

test('of two patterns of .dockerignore the last one decides, also for what lies below a folder', () => {
  const rules = '*\n!src\nsrc/dev\nsrc/**/*.test.ts\n';
  expect(['src/main.ts', 'src/a/b/c.ts'].filter((path) => isIgnored(rules, path))).toEqual([]);
  const hidden = ['other', 'src/dev/dev.ts', 'src/a.test.ts', 'src/a/b/c.test.ts'];
  expect(hidden.filter((path) => !isIgnored(rules, path))).toEqual([]);
});
