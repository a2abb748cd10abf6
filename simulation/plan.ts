import { type Chance, makeChance } from './chance.ts';
import { makeWeather, type Weather } from './weather.ts';

/**
 * calm: nothing fails. outages: services are away, slow or throttled, and single calls fail, but no process, lock or link is
 * lost. long-outage: the same for an hour. storm: all at once.
 */
export type Profile = 'calm' | 'outages' | 'long-outage' | 'storm';

/** Everything about a run that is settled before it begins. */
export type Plan = {
  seed: number;
  profile: Profile;
  workers: number;
  chats: number;
  turns: number;
  /** What is published, and what users do, happens in this time. */
  spanMs: number;
  /** From then on nothing fails any more. */
  faultsEndMs: number;
  lockMs: number;
  maxConcurrency: number;
  maxLockedEvents: number;
  parallelReceives: number;
  mostAtOnce: number;
  titleConcurrency: number;
  turnWaitMs: number;
  pageBytes: number;
  maxMessageBytes: number;
  memoryBytes: number;
  /** How far the clock of a worker may be from the broker's. */
  skewMs: number;
  weather: Weather;
  rates: Rates;
};

/** How probable a fault is, a call. */
export type Rates = {
  crash: number;
  drain: number;
  /** A call to the store or Redis fails; half of the writes take effect all the same. */
  call: number;
  throttle: number;
  /** The store gets a write twice, and the answer to the second comes back. */
  doubled: number;
  /** A settlement or renewal fails; half of them take effect all the same. */
  settlement: number;
  /** An event is locked and lost on its way. */
  delivery: number;
  reorder: number;
  /** Of Redis answering with an older version. */
  lag: number;
  title: number;
  slow: number;
};

const calm: Rates = {
  crash: 0,
  drain: 0,
  call: 0,
  throttle: 0,
  doubled: 0,
  settlement: 0,
  delivery: 0,
  reorder: 0.2,
  lag: 0,
  title: 0,
  slow: 0.01,
};

/** What is settled by a seed. */
export function makePlan(seed: number): Plan {
  const chance = makeChance(seed, 'plan');
  const profile = profileOf(chance);
  const spanMs = chance.pick([5_000, 30_000, 120_000, 300_000]);
  const isLong = profile === 'long-outage';
  const chats = chance.whole(1, 4);
  const maxConcurrency = chance.whole(1, 4);
  const isPaged = chance.happens(0.7);
  return {
    seed,
    profile,
    workers: chance.whole(1, 3),
    chats,
    turns: chance.whole(Math.ceil(5 / chats), Math.ceil(24 / chats)),
    spanMs,
    faultsEndMs: spanMs + (isLong ? 3_600_000 : chance.pick([0, 20_000, 60_000])),
    lockMs: chance.pick([5_000, 10_000, 30_000, 60_000]),
    maxConcurrency,
    maxLockedEvents: maxConcurrency * chance.whole(1, 4),
    parallelReceives: chance.whole(1, 4),
    mostAtOnce: chance.whole(1, 4),
    titleConcurrency: chance.whole(1, 4),
    turnWaitMs: chance.pick([0, 2_000, 10_000, 30_000]),
    pageBytes: isPaged ? chance.whole(300, 1_500) : 2_000_000,
    maxMessageBytes: 1_500,
    memoryBytes: chance.pick([2_000, 20_000]),
    skewMs: chance.pick([0, 2_000]),
    weather: profile === 'calm' ? [] : makeWeather(chance, profile, spanMs),
    rates: ratesOf(chance, profile),
  };
}

function profileOf(chance: Chance): Profile {
  const at = chance.next();
  if (at < 0.05) return 'calm';
  if (at < 0.25) return 'outages';
  return at < 0.27 ? 'long-outage' : 'storm';
}

function ratesOf(chance: Chance, profile: Profile): Rates {
  if (profile === 'calm') return calm;
  // Each fault is absent from many runs, so that none hides what another would show.
  const some = (most: number): number => (chance.happens(0.5) ? chance.between(0, most) : 0);
  const services = {
    call: some(0.2),
    throttle: some(0.1),
    doubled: some(0.05),
    lag: some(0.3),
    title: some(0.5),
  };
  const rates = { ...calm, ...services, slow: some(0.1) };
  if (profile !== 'storm') return rates;
  return {
    ...rates,
    crash: some(0.03),
    drain: some(0.01),
    settlement: some(0.2),
    delivery: some(0.1),
    reorder: chance.next(),
  };
}
