import type { Chance } from './chance.ts';

export type Service = 'service-bus' | 'redis' | 'cosmos' | 'titles';

/** refuse: every call fails at once. hang: at its deadline. throttle: Cosmos DB answers 429. */
export type Trouble = 'refuse' | 'hang' | 'throttle';
export type Spell = { service: Service; trouble: Trouble; fromMs: number; toMs: number };
export type Weather = readonly Spell[];

/** When which service is away, counted from the start of the run. */
export function makeWeather(chance: Chance, profile: string, spanMs: number): Weather {
  // Where Service Bus is away locks are lost, which a run that counts deliveries must not have.
  const services: Service[] =
    profile === 'storm' ? ['redis', 'cosmos', 'titles', 'service-bus'] : ['redis', 'cosmos', 'titles'];
  const spells = Array.from({ length: chance.whole(0, 3) }, () => {
    const fromMs = chance.between(0, spanMs);
    return spell(chance, chance.pick(services), fromMs, fromMs + chance.pick([500, 5_000, 40_000]));
  });
  if (profile !== 'long-outage') return spells;
  const fromMs = chance.between(0, spanMs / 2);
  return [...spells, spell(chance, chance.pick(['redis', 'cosmos']), fromMs, fromMs + 3_600_000)];
}

function spell(chance: Chance, service: Service, fromMs: number, toMs: number): Spell {
  const troubles: Trouble[] = service === 'cosmos' ? ['refuse', 'hang', 'throttle'] : ['refuse', 'hang'];
  return { service, trouble: chance.pick(troubles), fromMs, toMs };
}
