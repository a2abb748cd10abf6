import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';

/** Which parts may import which: the arrows of docs/architecture.md. A part is the longest prefix that fits. */
const arrows: Record<string, string[]> = {
  'src/history/': ['src/history/'],
  'src/pipeline/': ['src/pipeline/', 'src/history/'],
  'src/azure/': [
    'src/azure/',
    'src/history/',
    'src/pipeline/ports.ts',
    'src/pipeline/failures.ts',
    'src/pipeline/watch.ts',
    'src/config.ts',
  ],
  'src/telemetry/': [
    'src/telemetry/',
    'src/config.ts',
    'src/history/event.ts',
    'src/pipeline/gate.ts',
    'src/pipeline/ports.ts',
    'src/pipeline/failures.ts',
    'src/pipeline/watch.ts',
  ],
  'src/operations/': ['src/'],
  'src/console/': ['src/'],
  'src/': ['src/'],
  // `dev` starts the stand-ins; nothing else of the worker knows them.
  'src/dev/': ['src/', 'emulators/'],
  'emulators/': ['emulators/'],
  'simulation/': ['simulation/'],
  // What judges the pipeline has nothing in common with it.
  'simulation/world/': ['simulation/', 'src/pipeline/'],
  // It measures the worker as shipped, from outside.
  'bench/': ['bench/', 'emulators/', 'test/otlp-wire.ts'],
  // What a conversation costs is computed with the paging that ships and the stand-in's request units.
  'bench/capacity/': [
    'bench/capacity/',
    'emulators/cosmos/request-units.ts',
    'src/history/',
    'src/pipeline/write-pages.ts',
  ],
  // It judges the worker from outside: nothing of its code, and of the stand-ins' only which title belongs to which text.
  'chaos/': ['chaos/', 'emulators/chat-completions/title.ts'],
};

function files(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => join(folder, name));
}

function importsOf(file: string): string[] {
  const specifiers = readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g);
  return [...specifiers].map(([, path]) => relative('.', join(dirname(file), path!)));
}

test('what the image is without, src/dev, is imported when it is used and not before', () => {
  const early = files('src')
    .filter((file) => !file.startsWith('src/dev/'))
    .filter((file) => /^import (?!type\b).* from '\.[^']*\bdev\/[^']+'/m.test(readFileSync(file, 'utf8')));
  expect(readFileSync('.dockerignore', 'utf8')).toMatch(/^src\/dev$/m);
  expect(early).toEqual([]);
});

test('imports follow the arrows of docs/architecture.md', () => {
  const broken: string[] = [];
  for (const file of ['src', 'emulators', 'simulation', 'chaos', 'bench'].flatMap(files)) {
    const part = Object.keys(arrows)
      .filter((prefix) => file.startsWith(prefix))
      .sort((a, b) => b.length - a.length)[0]!;
    for (const target of importsOf(file))
      if (!arrows[part]!.some((allowed) => target.startsWith(allowed)))
        broken.push(`${file} imports ${target}`);
  }
  expect(broken).toEqual([]);
});
