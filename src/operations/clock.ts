import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../pipeline/ports.ts';

export const clock: Clock = {
  now: Date.now,
  random: Math.random,
  sleep: (ms, signal) => sleep(ms, undefined, signal ? { signal } : {}).catch(() => undefined),
};
