/** Chance that can be repeated: the same seed and stream give the same numbers. */
export type Chance = {
  /** From 0 up to, not including, 1. */
  next(): number;
  between(min: number, max: number): number;
  /** A whole number from min to max, both included. */
  whole(min: number, max: number): number;
  happens(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
};

/** Each use of chance has a stream of its own, so that a change of one does not shift all the others. */
export function makeChance(seed: number, stream: string): Chance {
  let state = mix(seed ^ 0x2545f491);
  for (const character of stream) state = mix(state ^ character.charCodeAt(0));
  const next = (): number => {
    state = (state + 0x9e3779b9) | 0;
    return mix(state) / 2 ** 32;
  };
  return {
    next,
    between: (min, max) => min + next() * (max - min),
    whole: (min, max) => min + Math.floor(next() * (max - min + 1)),
    happens: (probability) => next() < probability,
    pick: (from) => from[Math.floor(next() * from.length)]!,
  };
}

/** Spreads the bits of a 32-bit number over all of it. */
function mix(value: number): number {
  let bits = Math.imul(value ^ (value >>> 16), 0x45d9f3b);
  bits = Math.imul(bits ^ (bits >>> 15), 0x297a2d39);
  return (bits ^ (bits >>> 16)) >>> 0;
}
