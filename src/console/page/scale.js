/**
 * Ends of steps that a person would choose, from 0 to at least `max`.
 * @param {number} max
 * @param {number} steps about so many
 * @returns {number[]}
 */
export function ticks(max, steps = 3) {
  const rough = max / steps || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough) ?? rough;
  const count = Math.max(1, Math.ceil(max / step - 1e-9));
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(6)));
}

/**
 * Powers of ten around all of these.
 * @param {number} min above 0
 * @param {number} max
 * @returns {number[]}
 */
export function powers(min, max) {
  const from = Math.floor(Math.log10(min));
  const to = Math.max(from + 1, Math.ceil(Math.log10(max) - 1e-9));
  return Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index));
}
