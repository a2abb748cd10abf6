import { drawn } from './elements.js';

/** @import { Sample } from './samples.js' */

/**
 * @typedef {{ name: string, value: (sample: Sample) => number | null }} Series
 * @typedef {{ from: number, to: number, step: number }} Span
 * @typedef {{ samples: Sample[], span: Span, width: number, x: (at: number) => number }} Frame
 */

export const HEIGHT = 148;
export const LEFT = 52;
export const RIGHT = 6;
export const TOP = 8;
export const BOTTOM = 20;

/**
 * Times that a person would choose.
 * @param {Frame} frame
 */
export function times({ span, width, x }) {
  const wanted = (span.to - span.from) / Math.max(2, Math.min(6, Math.floor(width / 90)));
  const step =
    [10, 30, 60, 120, 300, 600, 900, 1200, 1800].map((s) => s * 1000).find((ms) => ms >= wanted) ?? 3_600_000;
  const first = Math.ceil(span.from / step) * step;
  return Array.from(
    { length: Math.floor((span.to - first) / step) + 1 },
    (_, index) => first + index * step,
  ).filter((at) => x(at) > LEFT + 14 && x(at) < width - 18);
}

/**
 * Where a service was away.
 * @param {Frame} frame
 */
export function outages({ samples, span, x }) {
  return samples.flatMap(({ at, closed }) =>
    closed.length === 0
      ? []
      : [
          drawn('rect', {
            class: 'outage',
            x: x(at - span.step),
            y: TOP,
            width: Math.max(1, x(at) - x(at - span.step)),
            height: HEIGHT - TOP - BOTTOM,
          }),
        ],
  );
}

/**
 * @param {Frame} frame
 * @param {Series[]} series
 * @param {(value: number) => number} y
 */
export function lines({ samples, span, x }, series, y) {
  const drawnLines = series.map(({ value }, index) => {
    let path = '';
    let isOpen = false;
    let before = 0;
    for (const sample of samples) {
      const found = value(sample);
      if (found !== null) {
        path += `${isOpen && sample.at - before < span.step * 3 ? 'L' : 'M'}${x(sample.at).toFixed(1)} ${y(found).toFixed(1)}`;
        // One alone would not be seen.
        if (!isOpen) path += 'h0.01';
        before = sample.at;
      }
      isOpen = found !== null;
    }
    return drawn('path', { class: `line s${index}`, d: path || 'M0 0' });
  });
  // The first one is drawn over the others.
  return drawnLines.reverse();
}

/**
 * @param {Frame} frame
 * @param {Series[]} series
 * @param {(value: number) => number} y
 */
export function bars({ samples, span, x }, series, y) {
  const wide = Math.max(1.5, x(span.from + span.step) - x(span.from) - 1);
  return samples.flatMap((sample) => {
    let below = 0;
    return series.flatMap(({ value }, index) => {
      const found = value(sample) ?? 0;
      if (found === 0) return [];
      const [bottom, top] = [y(below), y(below + found)];
      below += found;
      return [
        drawn('rect', {
          class: `bar s${index}`,
          x: x(sample.at) - wide,
          y: top,
          width: wide,
          height: Math.max(0.5, bottom - top),
        }),
      ];
    });
  });
}
