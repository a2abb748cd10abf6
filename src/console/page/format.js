/**
 * A number of three digits or so.
 * @param {number} value
 */
export function short(value) {
  if (value === 0) return '0';
  if (value < 0.1) return value.toPrecision(1);
  if (value < 10) return value.toFixed(1).replace(/\.0$/, '');
  if (value < 10_000) return Math.round(value).toLocaleString('en');
  if (value < 1_000_000) return `${(value / 1000).toFixed(value < 100_000 ? 1 : 0).replace('.0', '')} k`;
  return `${(value / 1_000_000).toFixed(1)} M`;
}

/**
 * @param {number | null | undefined} ms
 */
export function duration(ms) {
  if (ms === null || ms === undefined) return '–';
  if (ms < 10) return `${ms.toFixed(1).replace('.0', '')} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0).replace('.0', '')} s`;
  return `${(ms / 60_000).toFixed(ms < 600_000 ? 1 : 0).replace('.0', '')} min`;
}

/**
 * How long ago, roughly.
 * @param {number} ms
 */
export function age(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/**
 * A time of the day, here.
 * @param {number} ms
 */
export const clock = (ms, withSeconds = true) =>
  new Date(ms).toLocaleTimeString('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    ...(withSeconds ? { second: '2-digit' } : {}),
  });

const ISO = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$/;

/**
 * A time as it is here; without a zone it was written in UTC.
 * @param {unknown} value an ISO 8601 time, or whatever stands in its place
 */
export function when(value) {
  const [time, zone] = (typeof value === 'string' && ISO.exec(value)) || [];
  const ms = Date.parse(`${time}${time === undefined || zone ? '' : 'Z'}`);
  return Number.isNaN(ms)
    ? undefined
    : new Date(ms).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [several]
 */
export const counted = (count, one, several = `${one}s`) =>
  `${count.toLocaleString('en')} ${count === 1 ? one : several}`;
