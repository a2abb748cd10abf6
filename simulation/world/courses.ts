import { Failure, type FailureCode } from '../../src/pipeline/failures.ts';
import type { Service } from '../weather.ts';
import { type Course, latency } from './network.ts';
import type { World } from './world.ts';

type Manner = {
  service: Service;
  code: FailureCode;
  /** After so long the adapter gives up. */
  deadlineMs: number;
  /** Of a failure out of clear skies. */
  rate: number;
  /** Whether a call that fails may have taken effect. */
  isWrite: boolean;
};

/** How a call to a service goes, by the weather and by chance, failing as the adapters fail. */
export function courseOf(world: World, { service, code, deadlineMs, rate, isWrite }: Manner): Course {
  const { chance } = world;
  const fair: Course = {
    beforeMs: latency(world, service),
    afterMs: latency(world, service),
    effect: 'takes',
  };
  if (!world.isStormy()) return fair;
  const fate = (): Course['effect'] => (isWrite ? chance.pick(['takes', 'takes', 'none', 'late']) : 'none');
  const trouble = world.troubleOf(service);
  if (trouble === 'hang')
    return {
      beforeMs: fair.beforeMs,
      afterMs: deadlineMs,
      // What was sent to a service that hangs is mostly lost.
      effect: chance.happens(0.2) ? fate() : 'none',
      failure: new Failure(code, 'simulated: no answer in time'),
    };
  if (trouble === 'throttle') return throttled(world);
  if (trouble)
    return { beforeMs: 1, afterMs: 1, effect: 'none', failure: new Failure(code, 'simulated: away') };
  if (!chance.happens(rate)) return fair;
  const afterMs = chance.happens(0.2) ? deadlineMs : chance.between(0, 500);
  return { ...fair, afterMs, effect: fate(), failure: new Failure(code, 'simulated: failed') };
}

/** Cosmos DB's 429. */
export function throttled({ chance }: World): Course {
  const failure = new Failure('StoreThrottled', 'simulated: 429', {
    retryAfterMs: chance.pick([1, 50, 1_000, 5_000]),
  });
  return { beforeMs: 2, afterMs: 2, effect: 'none', failure };
}
