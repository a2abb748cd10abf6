import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { commandsOf } from './doc-commands.ts';

const pages = ['README.md', 'CONTRIBUTING.md', ...readdirSync('docs').map((name) => `docs/${name}`)].filter(
  (page) => page.endsWith('.md'),
);
const read = (path: string): string => readFileSync(path, 'utf8');
const found = pages.map((page) => commandsOf(page, read(page)));
const commands = found.flatMap((one) => one.commands);
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

/** Where a command is run: a file that says so in these words. What is long runs at night. */
const runBy: readonly { command: RegExp; file: string; says: string }[] = [
  { command: /^npm test$/, file: '.ci/run', says: 'npm test' },
  { command: /^npm start$/, file: 'test/worker-process.ts', says: "= ['run']" },
  { command: /^npm run emulators\b/, file: 'test/emulators-command.test.ts', says: "'emulators/main.ts'" },
  { command: /^npm run dev\b/, file: 'test/dev-telemetry.test.ts', says: "['dev', '--once'" },
  { command: /^npm run simulate\b/, file: '.github/workflows/nightly.yml', says: 'npm run simulate' },
  { command: /^npm run chaos\b/, file: '.github/workflows/nightly.yml', says: 'npm run chaos' },
  { command: /^npm run bench\b/, file: '.github/workflows/nightly.yml', says: 'npm run bench' },
  { command: /^npm pack$/, file: 'deploy/package/package.test.ts', says: "'pack'" },
  { command: /^npm install \.\/history-worker-/, file: 'deploy/package/package.test.ts', says: "'install'" },
  { command: /^npx history-worker dev\b/, file: 'deploy/package/package.test.ts', says: "bin, ['dev'" },
  { command: /^npx history-worker --help$/, file: 'deploy/package/package.test.ts', says: "bin, ['--help']" },
  ...['doctor', 'dead-letters', 'reconcile', 'titles', 'show', 'erase'].map((name) => ({
    command: new RegExp(`^node src/main.ts ${name}\\b`),
    file: name === 'titles' ? 'test/titles-command.test.ts' : `test/${name}.test.ts`,
    says: `'${name}'`,
  })),
];
/** Quick, and run right here. */
const runHere = /^npm run capacity\b/;

/** The script that a command starts and the words behind it, as npm would put them together. */
function started(command: string): string[] | undefined {
  const [program, ...words] = command.split(' ');
  if (program === 'node') return words;
  if (program !== 'npm') return undefined;
  const name = words[0] === 'run' ? words[1]! : words[0]!;
  const script = /^node (\S+\.ts) ?(.*)$/.exec(scripts[name] ?? '');
  if (!script) return undefined;
  const given = words.includes('--') ? words.slice(words.indexOf('--') + 1) : [];
  return [script[1]!, ...script[2]!.split(' ').filter((word) => word && word !== '--'), ...given];
}

const helps = new Map<string, string>();
function helpOf(words: string[]): string {
  const names = words
    .slice(0, 3)
    .filter((word, index) => index === 0 || (/^[a-z-]+$/.test(word) && !word.startsWith('-')));
  const key = names.join(' ');
  const help = helps.get(key) ?? execFileSync(process.execPath, [...names, '--help'], { encoding: 'utf8' });
  helps.set(key, help);
  return help;
}

test('there are commands in the pages, and each stands in a fence that is marked as one of commands', () => {
  expect(commands.length).toBeGreaterThan(30);
  expect(found.flatMap(({ unmarked }) => unmarked)).toEqual([]);
});

test('each command needs nothing but a checkout, or says what it needs', () => {
  const needs = new Set(commands.map((one) => one.needs));
  expect([...needs].filter((need) => need && !['azure', 'docker', 'kubernetes'].includes(need))).toEqual([]);
});

describe.each(commands.filter(({ needs }) => !needs))('$page:$line: $command', ({ command }) => {
  const words = started(command);
  const flags = command.match(/(?<= )--[a-z][a-z-]*/g) ?? [];

  test('is run by a test, in CI or here, and knows the options that it shows', () => {
    if (words && flags.length > 0) {
      const help = helpOf(words);
      expect(flags.filter((flag) => !new RegExp(`${flag}\\b`).test(help))).toEqual([]);
    }
    if (runHere.test(command)) {
      const { status, stdout, stderr } = spawnSync(process.execPath, words!, { encoding: 'utf8' });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout.length).toBeGreaterThan(100);
      return;
    }
    const by = runBy.filter((one) => one.command.test(command));
    expect(by.map(({ file, says }) => read(file).includes(says))).toEqual([true]);
  });
});

describe('reading a page', () => {
  test('finds what is typed, over several lines, and leaves what is answered', () => {
    const text = [
      '```console',
      '$ az a \\',
      '    --b c    # why',
      'az answered',
      '```',
      '```sh needs azure',
      'az login',
      '```',
    ];
    expect(commandsOf('p', text.join('\n')).commands).toEqual([
      { page: 'p', line: 2, needs: undefined, command: 'az a --b c' },
      { page: 'p', line: 7, needs: 'azure', command: 'az login' },
    ]);
  });

  test('finds commands in fences that do not say so', () => {
    const { commands, unmarked } = commandsOf(
      'p',
      '  ```\n  A=1 npm run dev\n  ```\n```kql\nnpm run dev\n```',
    );
    expect(commands).toEqual([]);
    expect(unmarked.map(({ line }) => line)).toEqual([2, 5]);
  });
});
