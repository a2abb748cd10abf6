/** How long to stay away after so many failures in a row: 100 ms, doubled to at most 5 s, with jitter so that many do not come back at once. */
export function backOff(failures: number, chance: { random(): number }): number {
  return Math.min(5_000, 100 * 2 ** failures) * (0.75 + chance.random() / 4);
}
