import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { strayReason } from './src/azure/stray-rejection.ts';
import ScenariosFirst from './tools/scenarios-first.ts';

// Tests start processes by the hundred: the first leaves what it has compiled to the others, even to read `src/main.ts` itself.
process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), 'node-compile-cache');

const tests = ['src', 'emulators', 'simulation', 'chaos', 'bench', 'test', 'tools', 'deploy'].map(
  (folder) => `${folder}/**/*.test.ts`,
);
/** Azure's credentials remember, as long as a process lives, where they were had. */
const apart = ['emulators/entra/*.test.ts'];

export default defineConfig({
  test: {
    projects: [
      // A process does for many files, so that each need not load the services' clients anew: a fifth of all the work.
      { extends: true, test: { name: 'shared', include: tests, exclude: apart, isolate: false } },
      { extends: true, test: { name: 'apart', include: apart } },
    ],
    // For two cores: the scenarios start servers of their own, but most of their time they wait for locks and outages to end.
    // With CI=true the package is built and installed meanwhile, which takes a core for itself.
    maxWorkers: process.env.CI ? 5 : 8,
    sequence: { sequencer: ScenariosFirst },
    // A condition is waited for however slow the machine is; one second, the default, is not enough to start a process on a busy one.
    expect: { poll: { timeout: 30_000 } },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A broker that hung leaves them a minute later, in whatever test; the worker lives with them, and so do the tests.
    onUnhandledError: ({ message, stack }) =>
      strayReason(Object.assign(new Error(message), { stack })) === undefined,
    reporters: ['default', './tools/summary-reporter.ts'],
  },
});
