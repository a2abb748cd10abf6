import { defineConfig } from 'vitest/config';
import { isStray } from './src/azure/stray-rejection.ts';

export default defineConfig({
  test: {
    include: ['src', 'emulators', 'simulation', 'chaos', 'test', 'tools'].map(
      (folder) => `${folder}/**/*.test.ts`,
    ),
    // Two cores: more processes than that only add noise to the scenarios, which start servers of their own.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A broker that hung leaves them a minute later, in whatever test; the worker lives with them, and so do the tests.
    onUnhandledError: ({ message, stack }) => !isStray(Object.assign(new Error(message), { stack })),
    reporters: ['default', './tools/summary-reporter.ts'],
  },
});
