import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Where tests wait for processes, locks and outages, or work long; the units elsewhere are done in no time, and fill what is left at the end. */
const LONG = /^(test|simulation|chaos|deploy|emulators\/service-bus)\//;

/** Begins with what takes long, so that no process works alone at the end while the others have nothing left. */
export default class ScenariosFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.test(relative(process.cwd(), moduleId));
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}
