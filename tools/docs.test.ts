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

/** Inline links and images, references, and those written as HTML; not those to other sites. */
const linksOf = (text: string) =>
  [
    /\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)/g,
    /^\[[^\]]+\]: (?!https?:|mailto:)([^#\s]*)(?:#(\S+))?/gm,
    /<(?:img|a|source)\s[^>]*(?:src|href|srcset)="(?!https?:|mailto:)([^"#]*)(?:#([^"]+))?"/g,
  ].flatMap((form) => [...text.matchAll(form)].map(([link, path, anchor]) => ({ link, path, anchor })));

test('a link is found in every form that Markdown has for it', () => {
  const text =
    '[a](one.md#x) ![b](two.png)\n[c]: three.md#y\n<img alt="d" src="four.svg"> <a href="https://e.org/">';
  expect(linksOf(text).map(({ path, anchor }) => [path, anchor])).toEqual([
    ['one.md', 'x'],
    ['two.png', undefined],
    ['three.md', 'y'],
    ['four.svg', undefined],
  ]);
});

test('the README leads to every page, itself or by a page that it leads to', () => {
  const reached = new Set(['README.md', 'CONTRIBUTING.md']);
  for (const page of reached)
    for (const { path } of linksOf(read(page)))
      if (path?.endsWith('.md')) reached.add(join(dirname(page), path));
  expect(pages.filter((page) => !reached.has(page))).toEqual([]);
});

describe.each(pages)('%s', (page) => {
  const text = read(page);

  test('every link leads to a file, and to a heading that is in it', () => {
    const links = linksOf(text).map(({ link, path, anchor }) => ({
      link,
      target: path ? join(dirname(page), path) : page,
      anchor,
    }));
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
