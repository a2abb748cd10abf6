/**
 * What happened within some seconds, as the console tells it.
 * @typedef {{
 *   at: number, seconds: number, received: number, redelivered: number, durable: number, completed: number,
 *   deadLettered: number, abandoned: number, lost: number, requestUnits: number, inputTokens: number, outputTokens: number,
 *   titles: Record<string, number>, p50: number | null, p99: number | null, inHand: number, closed: string[],
 *   lastMinute: { p50: number | null, p99: number | null }
 * }} Sample
 */

const sums = /** @type {const} */ ([
  'seconds',
  'received',
  'redelivered',
  'durable',
  'completed',
  'deadLettered',
  'abandoned',
  'lost',
  'requestUnits',
  'inputTokens',
  'outputTokens',
]);

export const titleResults = ['stored', 'overtaken', 'refused', 'unusable', 'unavailable'];

/**
 * Samples put together, so many milliseconds each: counts are added; of medians their mean is taken, by how many
 * each is of, and of 99th percentiles the worst.
 * @param {readonly Sample[]} samples in the order of their time
 * @param {number} ms
 * @returns {Sample[]}
 */
export function together(samples, ms) {
  /** @type {Map<number, Sample[]>} */
  const bins = new Map();
  for (const sample of samples) {
    const bin = Math.floor(sample.at / ms);
    const some = bins.get(bin);
    if (some) some.push(sample);
    else bins.set(bin, [sample]);
  }
  return [...bins.values()].map(merged);
}

/**
 * @param {readonly Sample[]} samples at least one
 * @returns {Sample}
 */
export function merged(samples) {
  const last = /** @type {Sample} */ (samples.at(-1));
  /** @type {Sample} */
  const sum = {
    ...last,
    titles: { ...last.titles },
    closed: [...new Set(samples.flatMap(({ closed }) => closed))],
  };
  for (const name of sums) sum[name] = samples.reduce((total, sample) => total + sample[name], 0);
  for (const result of titleResults)
    sum.titles[result] = samples.reduce((total, { titles }) => total + (titles[result] ?? 0), 0);
  const timed = samples.filter(({ p50 }) => p50 !== null);
  const weight = timed.reduce((total, { durable }) => total + durable, 0);
  sum.p50 =
    weight === 0 ? null : timed.reduce((total, { p50, durable }) => total + (p50 ?? 0) * durable, 0) / weight;
  sum.p99 = weight === 0 ? null : Math.max(...timed.map(({ p99 }) => p99 ?? 0));
  sum.inHand = Math.max(...samples.map(({ inHand }) => inHand));
  return sum;
}
