import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseDockerfile } from '../deploy/container/dockerfile.ts';

type Step = { uses?: string; run?: string };
type Job = {
  'runs-on': string;
  'timeout-minutes': number;
  steps: Step[];
  permissions?: object;
  strategy?: { matrix: { node: number[] } };
};
type Workflow = { permissions: object; jobs: Record<string, Job> };

const FOLDER = '.github/workflows';
const names = readdirSync(FOLDER);
const text = (name: string): string => readFileSync(`${FOLDER}/${name}`, 'utf8');
const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  scripts: Record<string, string>;
  devDependencies: { node: string };
};

describe.each(names)('%s', (name) => {
  const { permissions, jobs } = parse(text(name)) as Workflow;
  const steps = Object.values(jobs).flatMap((job) => job.steps);

  test('every action is pinned to a commit, and says which version that is', () => {
    const used = steps.flatMap(({ uses }) => (uses ? [uses] : []));
    const pinned = [...text(name).matchAll(/uses: (\S+@[0-9a-f]{40}) # v\d+\.\d+\.\d+$/gm)].map(
      ([, action]) => action,
    );
    expect(used.toSorted()).toEqual(pinned.toSorted());
  });

  test('it may read, and writes only where a job says so', () => {
    expect(permissions).toEqual({ contents: 'read' });
    const writing = Object.entries(jobs)
      .filter(([, job]) => job.permissions)
      .map(([job]) => job);
    expect(writing).toEqual(name === 'image.yml' ? ['image'] : []);
  });

  test('nothing that others write is put into a command', () => {
    const commands = steps.flatMap(({ run }) => (run ? [run] : []));
    const foreign = commands.filter((command) => /\$\{\{(?!\s*matrix\.)/.test(command));
    expect(foreign).toEqual([]);
  });

  test('every script that it runs exists, and every job ends', () => {
    const scripts = steps.flatMap(({ run }) =>
      [...(run ?? '').matchAll(/npm (?:run )?(test(?::\w+)?|simulate|chaos)\b/g)].map(
        ([, script]) => script!,
      ),
    );
    expect(scripts.filter((script) => !manifest.scripts[script])).toEqual([]);
    for (const job of Object.values(jobs)) expect(job['timeout-minutes']).toBeLessThanOrEqual(60);
  });
});

test('the Node of the image and the Node of development are both tried', () => {
  const { matrix } = (parse(text('test.yml')) as Workflow).jobs.node!.strategy!;
  const image = /nodejs(\d+)/.exec(parseDockerfile(readFileSync('Dockerfile', 'utf8')).at(-1)!.base)![1];
  expect(matrix.node).toEqual([Number(image), Number.parseInt(manifest.devDependencies.node, 10)]);
  // Without the lock file npm would exchange other packages too, for versions that nobody has locked.
  expect(text('test.yml')).toContain('npm install --no-save node@');
});
