import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { conversation, setTheScene } from '../../test/setting.ts';
import { freePort } from '../free-port.ts';
import { buildTree } from './build.ts';
import { command, environment, last, parseDockerfile } from './dockerfile.ts';
import { spawnIsolated, whyNotIsolated } from './isolate.ts';

/** It installs from the registry, twice: not a matter for every run. */
const isWanted = Boolean(process.env.TEST_CONTAINER);
const obstacle = isWanted ? whyNotIsolated() : 'TEST_CONTAINER is not set: run "npm run test:container"';
if (obstacle) console.log(`The image's tree was NOT built and run: ${obstacle}`);

const MB = 1024 * 1024;
/** Of the last stage's own files: Node and its libraries, some 150 MB, come with its base. */
const TREE_LIMIT_MB = 60;

describe.skipIf(obstacle !== undefined)('the tree of the image, without Docker', () => {
  const image = parseDockerfile(readFileSync('Dockerfile', 'utf8')).at(-1)!;
  let folder = '';
  let root = '';
  let node = '';

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'history-worker-image-'));
    chmodSync(folder, 0o755);
    root = buildTree(parseDockerfile(readFileSync('Dockerfile', 'utf8')), {
      context: '.',
      dockerignore: readFileSync('.dockerignore', 'utf8'),
      folder,
    });
    node = installNode(join(folder, 'node'), /nodejs(\d+)/.exec(image.base)![1]!);
  }, 300_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const inImage = (path: string): string =>
    path === '/nodejs/bin/node' ? node : path.startsWith('/app') ? join(root, path) : path;

  function start(variables: Record<string, string>, args = command(image, 'CMD')) {
    const [user] = last(image, 'USER').split(':');
    const worker = spawnIsolated([...command(image, 'ENTRYPOINT').map(inImage), ...args], {
      user: user!,
      cwd: inImage(last(image, 'WORKDIR')),
      environment: { ...environment(image), ...variables },
    });
    onTestFinished(worker.end);
    return worker;
  }

  test('holds production dependencies only, and is small', () => {
    const packages = readdirSync(join(root, 'app/node_modules'));
    expect(packages).toContain('@azure');
    for (const tool of ['vitest', 'typescript', 'selfsigned', 'node', '@biomejs'])
      expect(packages).not.toContain(tool);
    const bytes = sizeOf(root);
    console.log(
      `The image's own files: ${(bytes / MB).toFixed(1)} MB; Node alone: ${(statSync(node).size / MB).toFixed(1)} MB`,
    );
    expect(bytes).toBeLessThan(TREE_LIMIT_MB * MB);
  });

  test('runs on every processor', () => {
    const found = spawnSync('find', [root, '-name', '*.node', '-o', '-name', '*.so'], { encoding: 'utf8' });
    expect(found.stdout).toBe('');
  });

  test('nobody may write to it', () => {
    expect(
      spawnSync('find', [root, '-perm', '/222', '!', '-type', 'l', '-path', '*/app/*'], { encoding: 'utf8' })
        .stdout,
    ).toBe('');
  });

  test('works as nobody on a read-only root, as process 1, and ends with 0 at SIGTERM', async () => {
    const { stack, show, announce, counters, path, item } = await setTheScene();
    const worker = start({ ...stack.environment, HEALTH_PORT: 'off' });
    await expect.poll(() => worker.said('receiving'), { message: worker.printed() }).toBe(true);
    expect(worker.status()).toMatch(/^NSpid:\s+\d+\s+1$/m);
    expect(worker.status()).toMatch(/^Uid:(\s+65532){4}$/m);
    expect(worker.status()).toMatch(/^CapEff:\s+0+$/m);
    const talks = Array.from({ length: 20 }, () => conversation(2));
    for (const { snapshot, event } of talks) {
      await show(snapshot);
      await announce(event);
    }
    await expect.poll(() => counters().entities[path]?.completed).toBe(20);
    for (const { snapshot, userId, sessionId } of talks)
      expect(item(userId, sessionId)?.messages).toEqual(snapshot.messages);
    worker.kill('SIGTERM');
    expect(await worker.exited).toBe(0);
    expect(worker.said('stopped')).toBe(true);
    expect(worker.printed()).not.toMatch(/EROFS|EACCES|ExperimentalWarning/);
  });

  test('all that telemetry loads is in it', async () => {
    const { stack } = await setTheScene();
    // Nobody listens there: it is sent in vain, and that must do no harm.
    const worker = start({
      ...stack.environment,
      HEALTH_PORT: 'off',
      APPLICATIONINSIGHTS_CONNECTION_STRING:
        'InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=https://127.0.0.1:1/',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
    });
    await expect.poll(() => worker.said('receiving')).toBe(true);
    worker.kill('SIGTERM');
    expect(await worker.exited).toBe(0);
    expect(worker.printed()).not.toMatch(/ERR_MODULE_NOT_FOUND|Cannot find/);
  });

  test('its other commands work by their names', async () => {
    const { stack } = await setTheScene();
    const sweep = start({ ...stack.environment }, ['sweep', '--dry-run', '--json']);
    expect(await sweep.exited).toBe(0);
    expect(sweep.lines.at(-1)).toMatchObject({ found: 0, dryRun: true });
    const faulty = start({ REDIS_PORT: 'high' });
    expect(await faulty.exited).toBe(78);
  });

  test('its health check finds it alive', async () => {
    const { stack } = await setTheScene();
    const port = await freePort();
    const worker = start({ ...stack.environment, HEALTH_PORT: port });
    await expect.poll(() => worker.said('receiving')).toBe(true);
    const [program, ...args] = command(image, 'HEALTHCHECK').map(inImage);
    const checked = spawnSync(program!, args, {
      env: { ...environment(image), HEALTH_PORT: port },
      encoding: 'utf8',
    });
    expect(checked).toMatchObject({ status: 0, stdout: expect.stringContaining('200') });
  });
});

/** The Node of the image's base, not the one that runs the tests. */
function installNode(folder: string, major: string): string {
  const name = `node-linux-${process.arch}`;
  execFileSync('npm', ['install', '--prefix', folder, '--no-save', `${name}@${major}`], { stdio: 'pipe' });
  execFileSync('chmod', ['-R', 'a+rX', folder]);
  return join(folder, 'node_modules', name, 'bin', 'node');
}

/** By contents, as layers are measured. */
function sizeOf(path: string): number {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
