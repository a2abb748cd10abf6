import type { Log } from '../pipeline/ports.ts';

const silent = (): void => undefined;

/** For operations that are told of all that matters by the calls themselves. */
export const quiet: Log = { debug: silent, info: silent, warn: silent, error: silent };
