import type { operate as Operate } from './operate.ts';

/** The same as `operate`, imported when it is called: with it comes the whole worker, which `--help` can do without. */
export const operate: typeof Operate = async (...given) => (await import('./operate.ts')).operate(...given);
