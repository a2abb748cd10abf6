import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src', 'emulators', 'chaos', 'test', 'tools'].map((folder) => `${folder}/**/*.test.ts`),
    // Two cores: more processes than that only add noise to the scenarios, which start servers of their own.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    reporters: ['default', './tools/summary-reporter.ts'],
  },
});
