import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

/** An npm that notes that it was called, waits until it may go on, and leaves what a real one would. */
const NPM = `#!/bin/sh
echo "$@" >> calls
until [ -e go ]; do sleep 0.02; done
[ -e broken ] && exit 9
mkdir -p node_modules/node/bin && touch node_modules/node/bin/node node_modules/.package-lock.json
`;

/** A clone of this project as far as installing goes, with an npm of our own. */
function makeClone() {
  const folder = mkdtempSync(join(tmpdir(), 'clone-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['tools', 'bin']) mkdirSync(join(folder, name));
  copyFileSync('tools/ensure-installed.cjs', join(folder, 'tools/ensure-installed.cjs'));
  writeFileSync(join(folder, 'package-lock.json'), '{}');
  writeFileSync(join(folder, 'bin/npm'), NPM, { mode: 0o755 });
  const put = (name: string, text = ''): void => writeFileSync(join(folder, name), text);
  return {
    put,
    has: (name: string): boolean => existsSync(join(folder, name)),
    calls: (): number =>
      existsSync(join(folder, 'calls'))
        ? readFileSync(join(folder, 'calls'), 'utf8').split('\n').length - 1
        : 0,
    ensure() {
      const child = spawn(process.execPath, ['tools/ensure-installed.cjs'], {
        cwd: folder,
        env: { PATH: `${join(folder, 'bin')}${delimiter}${process.env.PATH}` },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let stderr = '';
      child.stderr.on('data', (chunk) => {
        stderr += String(chunk);
      });
      onTestFinished(() => {
        put('go');
        child.kill('SIGKILL');
      });
      return {
        kill: () => child.kill('SIGKILL'),
        stderr: () => stderr,
        code: once(child, 'exit').then(([code]) => code as number | null),
      };
    },
  };
}

test('what is missing is installed once, and again when the lock file has changed', async () => {
  const { ensure, put, calls } = makeClone();
  put('go');
  expect(await ensure().code).toBe(0);
  expect(await ensure().code).toBe(0);
  expect(calls()).toBe(1);
  await expect
    .poll(async () => {
      put('package-lock.json', '{"changed":true}'); // the clock of a file system may be coarse
      await ensure().code;
      return calls();
    })
    .toBeGreaterThan(1);
});

test('of two commands that begin at once on a fresh clone one installs, and the other waits for it', async () => {
  const { ensure, put, calls, has } = makeClone();
  const [one, other] = [ensure(), ensure()];
  await expect.poll(() => one.stderr() + other.stderr()).toMatch(/waiting for it/);
  await expect.poll(calls).toBe(1);
  put('go');
  expect(await Promise.all([one.code, other.code])).toEqual([0, 0]);
  expect(calls()).toBe(1);
  expect(has('.installing')).toBe(false);
});

test('where the one that was waited for fails, the other tries too, and each says so by its exit code', async () => {
  const { ensure, put, calls } = makeClone();
  put('broken');
  const [one, other] = [ensure(), ensure()];
  await expect.poll(() => one.stderr() + other.stderr()).toMatch(/waiting for it/);
  put('go');
  expect(await Promise.all([one.code, other.code])).toEqual([9, 9]);
  expect(calls()).toBe(2);
});

test('an install that was killed keeps nobody waiting', async () => {
  const { ensure, put, calls, has } = makeClone();
  const killed = ensure();
  await expect.poll(calls).toBe(1);
  killed.kill();
  await killed.code;
  expect(has('.installing')).toBe(true);
  put('go');
  expect(await ensure().code).toBe(0);
});
