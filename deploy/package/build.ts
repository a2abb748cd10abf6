import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Builds what `npm pack` takes: JavaScript of all that the commands import, since Node strips no types under node_modules, and the
 * types of the reader, which other services import. The checkout itself runs from source and never needs this.
 */
const root = fileURLToPath(new URL('../../', import.meta.url));
const dist = join(root, 'dist');
const PROJECT = 'deploy/package/tsconfig.json';
const tsc = (...args: string[]): void => {
  execFileSync(join(root, 'node_modules/.bin/tsc'), args, { cwd: root, stdio: 'inherit' });
};

rmSync(dist, { recursive: true, force: true });
tsc('-p', PROJECT);
tsc('-p', 'deploy/package/tsconfig.types.json');
pointAtDeclarations();
const page = 'src/console/page';
cpSync(join(root, page), join(dist, page), {
  recursive: true,
  filter: (path) => !path.endsWith('tsconfig.json'),
});

/** The compiler rewrites the endings of imports in JavaScript, and leaves them in declarations. */
function pointAtDeclarations(): void {
  for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.d.ts')) continue;
    const file = join(dist, name);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replaceAll(/(from |import\()(['"]\.[^'"]+)\.ts(['"])/g, '$1$2.js$3'));
  }
}
