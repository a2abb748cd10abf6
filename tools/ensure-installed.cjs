// Runs before every npm script, under whatever Node is on the PATH: plain old JavaScript, no dependency.
// It makes `npm run dev` and `npm test` work on a fresh clone: it installs what is missing, once.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const spawnSync = require('node:child_process').spawnSync;

const root = path.join(__dirname, '..');
const lock = path.join(root, 'package-lock.json');
const stamp = path.join(root, 'node_modules', '.package-lock.json');
const node = path.join(
  root,
  'node_modules',
  'node',
  'bin',
  process.platform === 'win32' ? 'node.exe' : 'node',
);

function installed() {
  // npm writes its own copy of the lock file last, so an interrupted install has none, and a pulled change
  // of the lock file is newer than it.
  return (
    fs.existsSync(stamp) && fs.existsSync(node) && fs.statSync(stamp).mtimeMs >= fs.statSync(lock).mtimeMs
  );
}

if (!installed()) {
  console.error('Installing dependencies (once) ...');
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    // A machine-readable command keeps its stdout to itself: what npm says goes to stderr.
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) {
    console.error('npm ci failed. Is the npm registry reachable? Run "npm ci" by hand to see more.');
    process.exit(result.status || 1);
  }
  if (!fs.existsSync(node)) {
    console.error(
      'The "node" package has no binary: its install script did not run. Run "npm ci" without --ignore-scripts.',
    );
    process.exit(1);
  }
  const now = new Date();
  fs.utimesSync(stamp, now, now);
}
