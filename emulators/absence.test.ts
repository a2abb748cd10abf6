import { expect, test } from 'vitest';
import { makeAbsence } from './absence.ts';

test('what is ended while it is about to be back leaves again', async () => {
  const steps: string[] = [];
  let back = (): void => {};
  const absence = makeAbsence(
    async () => void steps.push('leaves'),
    () =>
      new Promise((resolve) => {
        steps.push('comes');
        back = resolve;
      }),
  );
  const restart = absence.begin(0);
  expect(absence.isAway()).toBe(true);
  await expect.poll(() => steps).toEqual(['leaves', 'comes']);
  expect(absence.isAway()).toBe(false);
  absence.end();
  back();
  await restart;
  expect(steps).toEqual(['leaves', 'comes', 'leaves']);
});

test('a failure to come back is heard by all who wait, and the next restart is tried all the same', async () => {
  let failures = 1;
  const absence = makeAbsence(
    async () => {},
    async () => {
      failures -= 1;
      if (failures >= 0) throw new Error('the port is taken');
    },
  );
  const both = await Promise.allSettled([absence.begin(1), absence.begin(1)]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await absence.begin(1);
});
