import { expect, test } from 'vitest';
import type { Config } from '../config.ts';
import { quiet } from '../operations/quiet.ts';
import { makeReplays } from './replays.ts';

test('once the process is about to end none is begun', async () => {
  const told: unknown[] = [];
  const replays = makeReplays({} as Config, quiet, (replay) => told.push(replay));
  replays.stop();
  expect(replays.begin({ sequenceNumber: '1' })).toEqual({ kind: 'ending' });
  await replays.ended(1_000);
  expect([replays.all(), told]).toEqual([[], []]);
});
