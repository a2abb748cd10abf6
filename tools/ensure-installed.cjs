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
/** Holds the process id of who installs. Beside node_modules, which npm empties first. */
const turn = path.join(root, '.installing');
const WAIT_MS = 250;
/** Process ids come again, and mean nothing in another container: nobody installs for longer. */
const LONGEST_INSTALL_MS = 15 * 60000;

function installed() {
  // npm writes its own copy of the lock file last, so an interrupted install has none, and a pulled change
  // of the lock file is newer than it.
  return (
    fs.existsSync(stamp) && fs.existsSync(node) && fs.statSync(stamp).mtimeMs >= fs.statSync(lock).mtimeMs
  );
}

/** Two commands in two terminals, as the README has them: npm at work twice in one folder breaks both. */
function takeTurn() {
  let saidSo = false;
  for (;;) {
    try {
      fs.writeFileSync(turn, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (!isTaken()) fs.rmSync(turn, { force: true });
    else {
      if (!saidSo) console.error('Another command is installing dependencies: waiting for it ...');
      saidSo = true;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS);
    }
  }
}

/** Whoever was interrupted has left it behind. */
function isTaken() {
  try {
    if (Date.now() - fs.statSync(turn).mtimeMs > LONGEST_INSTALL_MS) return false;
    // Created and not written yet: 0, which asks after ourselves.
    process.kill(Number(fs.readFileSync(turn, 'utf8')), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Answers the exit code. */
function install() {
  console.error('Installing dependencies (once) ...');
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    // A machine-readable command keeps its stdout to itself: what npm says goes to stderr.
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) {
    console.error('npm ci failed. Is the npm registry reachable? Run "npm ci" by hand to see more.');
    return result.status || 1;
  }
  if (!fs.existsSync(node)) {
    console.error(
      'The "node" package has no binary: its install script did not run. Run "npm ci" without --ignore-scripts.',
    );
    return 1;
  }
  const now = new Date();
  fs.utimesSync(stamp, now, now);
  return 0;
}

if (!installed()) {
  takeTurn();
  try {
    // Whoever was waited for has done it.
    if (!installed()) process.exitCode = install();
  } finally {
    fs.rmSync(turn, { force: true });
  }
}
