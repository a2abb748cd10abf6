import type { Failure } from '../../src/pipeline/failures.ts';
import type { Service } from '../weather.ts';
import type { Process } from './process.ts';
import type { World } from './world.ts';

/** How a call goes. */
export type Course = {
  beforeMs: number;
  afterMs: number;
  /** Whether it takes effect: also when it fails, which its caller cannot know; or only after it has failed. */
  effect: 'takes' | 'none' | 'late' | 'twice';
  /** What the caller is told instead of the result. */
  failure?: Failure;
};

/**
 * One call of a process to a service. It takes effect in one moment, if it does, between two delays. The process may die
 * with it; of what is on its way then, chance says what still takes effect, and nothing is answered.
 */
export function call<T>(
  world: World,
  process: Process,
  what: string,
  course: Course,
  effect: () => T,
): Promise<T> {
  const { clock, chance, trace, counts, plan } = world;
  if (!process.isAlive) return never();
  counts.calls += 1;
  const name = `${process.name} #${counts.calls} ${what}`;
  trace.note(`${name}?`);
  if (world.isStormy() && chance.happens(plan.rates.crash)) process.crash();

  const attempt = (): { result: T } | { error: unknown } => {
    try {
      const result = effect();
      return { result: course.effect === 'twice' ? effect() : result };
    } catch (error) {
      return { error };
    }
  };
  return new Promise((resolve, reject) => {
    clock.after(course.beforeMs, () => {
      if (!process.isAlive && chance.happens(0.5)) return trace.note(`${name} never came to be`);
      const outcome = course.effect === 'none' || course.effect === 'late' ? undefined : attempt();
      if (course.failure && outcome) counts.unknownOutcomes += 1;
      if (course.effect === 'late')
        clock.after(course.afterMs + chance.between(0, 3_000), () => {
          trace.note(`${name} late: ${told(attempt())}`);
        });
      trace.note(`${name}: ${outcome ? told(outcome) : course.effect}`);
      clock.after(course.afterMs, () => {
        if (!process.isAlive) return;
        if (course.failure || !outcome) {
          trace.note(`${name} fails: ${course.failure?.code}`);
          reject(course.failure);
        } else if ('error' in outcome) reject(outcome.error);
        else {
          trace.note(`${name} answered`);
          resolve(outcome.result);
        }
      });
    });
  });
}

const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

/** How long it takes one way: mostly little. */
export function latency(world: World, service: Service): number {
  const { chance, plan } = world;
  // Where Service Bus is slow locks are lost, which a run that counts deliveries must not have.
  const maySlow = world.isStormy() && (service !== 'service-bus' || plan.profile === 'storm');
  if (maySlow && chance.happens(plan.rates.slow)) return chance.between(200, 3_000);
  return chance.happens(0.15) ? chance.between(15, 200) : chance.between(1, 15);
}

function told(outcome: { result: unknown } | { error: unknown }): string {
  if ('error' in outcome) return String((outcome.error as { code?: unknown }).code ?? outcome.error);
  const { result } = outcome;
  if (typeof result !== 'object' || result === null) return String(result);
  const { etag, number, length } = result as { etag?: string; number?: number; length?: number };
  return String(etag ?? (number === undefined ? `${length} messages` : `version ${number}`));
}
