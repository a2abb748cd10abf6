import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Stage } from './dockerfile.ts';
import { isIgnored } from './ignored.ts';

type Build = {
  /** The clone. */
  context: string;
  dockerignore: string;
  /** An empty folder; each stage gets a root of its own in it. */
  folder: string;
};

/**
 * Does what the Dockerfile says, stage by stage, in folders instead of images. Every file of the context is taken as one
 * that only its owner may read, as it is in a clone under a strict umask.
 * @returns the root of the last stage
 * @throws Error for an instruction that is not known here, or a RUN that fails
 */
export function buildTree(stages: readonly Stage[], build: Build): string {
  const roots = new Map<string, string>();
  let root = '';
  for (const [index, stage] of stages.entries()) {
    root = join(build.folder, `stage-${index}`);
    mkdirSync(root, { recursive: true });
    if (stage.name) roots.set(stage.name, root);
    let workFolder = '/';
    for (const { name, text } of stage.instructions) {
      if (name === 'WORKDIR') {
        workFolder = text;
        mkdirSync(join(root, workFolder), { recursive: true });
      } else if (name === 'COPY') copy(text, join(root, workFolder), root, roots, build);
      else if (name === 'RUN')
        execFileSync('/bin/sh', ['-c', text], { cwd: join(root, workFolder), stdio: 'pipe' });
      else if (!/^(ENV|USER|EXPOSE|LABEL|STOPSIGNAL|HEALTHCHECK|ENTRYPOINT|CMD)$/.test(name))
        throw new Error(`${name} is an instruction that deploy/container/build.ts does not know`);
    }
  }
  return root;
}

function copy(text: string, here: string, root: string, roots: Map<string, string>, build: Build): void {
  const [, stage, paths] = /^(?:--from=(\S+)\s+)?(.*)$/.exec(text)!;
  const sources = paths!.split(/\s+/);
  const target = sources.pop()!;
  const to = target.startsWith('/') ? join(root, target) : join(here, target);
  for (const source of sources) {
    const isFile = target.endsWith('/');
    const destination = isFile ? join(to, source) : to;
    if (stage) cpSync(join(roots.get(stage)!, source), destination, { recursive: true });
    else
      cpSync(join(build.context, source), destination, {
        recursive: true,
        filter: (path) => !isIgnored(build.dockerignore, relative(build.context, path)),
      });
    if (!stage) closeToOthers(destination);
  }
}

function closeToOthers(path: string): void {
  execFileSync('chmod', ['-R', 'go-rwx', path]);
  if (statSync(path).isFile()) chmodSync(path, 0o600);
}
