import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { settings } from '../src/settings.ts';

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync('docs').flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
];
const read = (page: string): string => readFileSync(page, 'utf8');

/** As GitHub makes them. */
const anchorsOf = (page: string): string[] =>
  [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  );

describe.each(pages)('%s', (page) => {
  const text = read(page);

  test('every link leads to a file, and to a heading that is in it', () => {
    const links = [...text.matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].map(
      ([link, path, anchor]) => ({ link, target: path ? join(dirname(page), path) : page, anchor }),
    );
    const broken = links.filter(({ target, anchor }) => {
      if (!existsSync(target)) return true;
      return anchor !== undefined && !anchorsOf(target).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  test('every npm script that it names exists', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...text.matchAll(/\bnpm run ([\w:-]+)|\bnpm (start|test)\b/g)].map(
      ([, run, short]) => run ?? short!,
    );
    expect(named.filter((name) => !scripts[name])).toEqual([]);
  });
});

test('every variable in the pages on shipping is one that the worker, or its platform, knows', () => {
  const known = new Set([
    ...settings.map(({ name }) => name),
    // OpenTelemetry's, Terraform's, the emulators' and no variable at all.
    'OTEL_TRACES_SAMPLER',
    ...['ARM_SUBSCRIPTION_ID', 'ACCEPT_EULA', 'SIGTERM'],
  ]);
  const named = ['deployment', 'security', 'migration'].flatMap((page) =>
    [...read(`docs/${page}.md`).matchAll(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`/g)].map(
      ([, name]) => name!,
    ),
  );
  expect(named.length).toBeGreaterThan(10);
  expect([...new Set(named)].filter((name) => !known.has(name))).toEqual([]);
});
