import type { Reporter, TestModule } from 'vitest/node';

/**
 * Names every group of tests that was left out, which else is but a number, and closes the run with one plain line that
 * any CI can read: `N passed, N failed, N skipped`.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    const leftOut = new Set<string>();
    for (const module of modules) {
      if (module.state() === 'failed' && module.errors().length > 0) count.failed += 1;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        count[state] += 1;
        if (state === 'skipped') leftOut.add(`${module.relativeModuleId}: ${test.fullName.split(' > ')[0]}`);
      }
    }
    for (const group of leftOut) console.log(`Not run: ${group}`);
    console.log(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped + count.pending} skipped`);
  }
}
