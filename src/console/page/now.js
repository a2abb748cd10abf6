import { makeChart } from './chart.js';
import { byId, element } from './elements.js';
import { duration, short } from './format.js';
import { merged, titleResults, together } from './samples.js';

/** @import { Sample } from './samples.js' */

/** @param {(sample: Sample) => number} value */
const aSecond = (value) => (/** @type {Sample} */ sample) => value(sample) / Math.max(0.001, sample.seconds);

const charts = [
  makeChart({
    title: 'Events a second',
    format: short,
    series: [
      { name: 'durable', value: aSecond(({ durable }) => durable) },
      { name: 'received', value: aSecond(({ received }) => received) },
      { name: 'dead-lettered', value: aSecond(({ deadLettered }) => deadLettered) },
    ],
  }),
  makeChart({
    title: 'Time to durable',
    format: duration,
    logarithmic: true,
    series: [
      { name: 'p50', value: ({ p50 }) => p50 },
      { name: 'p99', value: ({ p99 }) => p99 },
    ],
  }),
  makeChart({
    title: 'Events in hand',
    format: short,
    series: [{ name: 'in hand', value: ({ inHand }) => inHand }],
  }),
  makeChart({
    title: 'Request units a second',
    format: short,
    series: [{ name: 'Cosmos DB', value: aSecond(({ requestUnits }) => requestUnits) }],
  }),
  makeChart({
    title: 'Tokens a minute',
    format: short,
    series: [
      { name: 'asked', value: aSecond(({ inputTokens }) => inputTokens * 60) },
      { name: 'answered', value: aSecond(({ outputTokens }) => outputTokens * 60) },
    ],
  }),
  makeChart({
    title: 'Titles a minute',
    format: short,
    stacked: true,
    series: titleResults.map((name) => ({ name, value: aSecond(({ titles }) => (titles[name] ?? 0) * 60) })),
  }),
];

const MINUTE_MS = 60_000;
const POINTS = 120;

/** The numbers and charts of the last hour at most. */
export function makeNow() {
  /** @type {Sample[]} */
  let samples = [];
  let sampleMs = 5_000;
  let keptMs = 3_600_000;
  let maxLockedEvents = 0;
  /** Minutes; undefined: as many as there is something of. */
  let chosen = /** @type {number | undefined} */ (undefined);
  byId('charts').append(...charts.map(({ node }) => node));
  const span = byId('span');
  span.addEventListener('change', ({ target }) => {
    chosen = Number(/** @type {HTMLInputElement} */ (target).value);
    draw();
  });

  function draw() {
    const last = samples.at(-1);
    const first = samples[0];
    if (!last || !first) return;
    const lived = last.at - first.at;
    const minutes = chosen ?? [5, 15].find((each) => lived <= each * MINUTE_MS) ?? 60;
    for (const input of span.querySelectorAll('input')) input.checked = Number(input.value) === minutes;
    const ms = minutes * MINUTE_MS;
    const step = Math.max(sampleMs, ms / POINTS);
    const shown = together(
      samples.filter(({ at }) => at > last.at - ms),
      step,
    );
    for (const chart of charts) chart.draw(shown, { from: last.at - ms, to: last.at, step });
    showFigures(last);
  }

  /** @param {Sample} last */
  function showFigures(last) {
    const minute = merged(samples.filter(({ at }) => at > last.at - MINUTE_MS));
    const hour = merged(samples);
    const rate = (/** @type {number} */ count) => short(count / Math.max(1, minute.seconds));
    const titled = titleResults.reduce((sum, result) => sum + (hour.titles[result] ?? 0), 0);
    const shown = [
      ['durable a second', rate(minute.durable), 'last minute'],
      ['to durable, p50', duration(last.lastMinute.p50), 'last minute'],
      ['to durable, p99', duration(last.lastMinute.p99), 'last minute'],
      ['in hand', short(last.inHand), `of ${maxLockedEvents} at most`],
      ['dead-lettered', short(hour.deadLettered), 'last hour'],
      ['came again', short(hour.redelivered), 'last hour'],
      [
        'request units',
        short(hour.requestUnits),
        `last hour · ${short(hour.requestUnits / Math.max(1, hour.durable))} an event`,
      ],
      [
        'tokens',
        short(hour.inputTokens + hour.outputTokens),
        `last hour · ${titled === 0 ? 'no titles' : `${short(hour.titles.stored ?? 0)} of ${short(titled)} titles stored`}`,
      ],
    ];
    byId('figures').replaceChildren(
      ...shown.map(([name = '', value = '', of = '']) =>
        element(
          'div',
          { class: 'figure' },
          element('dt', {}, name),
          element('dd', {}, element('b', {}, value), element('span', { class: 'hint' }, of)),
        ),
      ),
    );
  }

  return {
    /** @param {{ samples: Sample[], sampleMs: number, keptMs: number, maxLockedEvents: number }} hello */
    begin(hello) {
      ({ samples, sampleMs, keptMs, maxLockedEvents } = hello);
      draw();
    },
    /** @param {Sample} sample */
    add(sample) {
      samples.push(sample);
      while ((samples[0]?.at ?? sample.at) < sample.at - keptMs) samples.shift();
      draw();
    },
  };
}
