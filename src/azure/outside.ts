import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Runs what belongs to the process as a whole, whoever happened to need it first, outside of any event's context: it would
 * otherwise pass for that event's work, and so would what its timers and connections do for as long as they live.
 */
export const outside: <T>(work: () => T) => T = AsyncLocalStorage.snapshot();
