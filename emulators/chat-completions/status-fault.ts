import type { ChatFaults } from './faults.ts';
import { azureRefusal, Refusal } from './refusal.ts';

/**
 * Decides which requests the `status` fault hits.
 * @returns a function that is called once a request, and returns the refusal if this one is hit
 */
export function makeStatusFault(fault: NonNullable<ChatFaults['status']>): () => Refusal | undefined {
  let requests = 0;
  let hits = 0;
  return () => {
    requests += 1;
    if (requests % fault.every !== 0 || hits >= (fault.count ?? Number.POSITIVE_INFINITY)) return undefined;
    hits += 1;
    const headers = {
      ...(fault.retryAfterMs === undefined ? {} : { 'retry-after-ms': String(fault.retryAfterMs) }),
      ...(fault.retryAfterSeconds === undefined ? {} : { 'retry-after': String(fault.retryAfterSeconds) }),
    };
    return fault.body === undefined
      ? azureRefusal(fault.code, String(fault.code), 'The stand-in was told to answer so.', headers)
      : new Refusal(fault.code, fault.body, headers);
  };
}
