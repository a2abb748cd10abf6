import { announce, drawn, element } from './elements.js';
import { clock } from './format.js';
import { BOTTOM, bars, HEIGHT, LEFT, lines, outages, RIGHT, TOP, times } from './plot.js';
import { merged } from './samples.js';
import { powers, ticks } from './scale.js';

/** @import { Series, Span } from './plot.js' */
/** @import { Sample } from './samples.js' */

/**
 * @typedef {{
 *   title: string,
 *   series: Series[],
 *   format: (value: number) => string,
 *   stacked?: boolean,
 *   logarithmic?: boolean,
 * }} ChartOptions
 */

const TABLE_ROWS = 12;

/**
 * A chart of some series over time, with its values at the pointer or at the end, and a table of the same for whoever does not see it.
 * @param {ChartOptions} options
 */
export function makeChart({ title, series, format, stacked = false, logarithmic = false }) {
  const reading = element('span', { class: 'reading' });
  const values = series.map(() => element('b', {}, '–'));
  const entries = series.map(({ name }, index) =>
    element('li', {}, element('span', { class: `swatch s${index}` }), `${name} `, values[index]),
  );
  const legend = element('ul', { class: 'legend' }, ...entries);
  const svg = drawn('svg', { role: 'img', 'aria-label': title, height: HEIGHT });
  const plot = element(
    'div',
    { class: 'plot', tabindex: 0, role: 'group', 'aria-label': `${title}: arrow keys read it` },
    svg,
  );
  const rows = element('tbody');
  const head = ['Time', ...series.map(({ name }) => name)].map((name) =>
    element('th', { scope: 'col' }, name),
  );
  const table = element(
    'details',
    {},
    element('summary', {}, 'As a table', element('span', { class: 'spoken' }, `: ${title}`)),
    element(
      'table',
      {},
      element('caption', { class: 'spoken' }, title),
      element('thead', {}, element('tr', {}, ...head)),
      rows,
    ),
  );
  const node = element(
    'figure',
    { class: 'chart panel' },
    element('figcaption', {}, element('h3', {}, title), reading, legend),
    plot,
    table,
  );

  /** @type {Sample[]} */
  let samples = [];
  /** @type {Span} */
  let span = { from: 0, to: 1, step: 1 };
  /** @type {number | undefined} */
  let cursor;
  let width = 0;

  /** @param {number} at */
  const x = (at) => LEFT + ((at - span.from) / (span.to - span.from)) * (width - LEFT - RIGHT);

  function render() {
    if (width === 0) return;
    const { marks, y } = axis();
    const frame = { samples, span, width, x };
    const inner = width - RIGHT;
    svg.setAttribute('width', String(width));
    svg.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
    svg.setAttribute('aria-label', `${title}. ${summary()}`);
    svg.replaceChildren(
      ...outages(frame),
      ...marks.flatMap((mark) => [
        drawn('line', { class: 'grid', x1: LEFT, x2: inner, y1: y(mark), y2: y(mark) }),
        drawn('text', { class: 'label', x: LEFT - 6, y: y(mark) + 3.5, 'text-anchor': 'end' }, format(mark)),
      ]),
      ...times(frame).map((at) =>
        drawn(
          'text',
          { class: 'label', x: x(at), y: HEIGHT - 5, 'text-anchor': 'middle' },
          clock(at, span.step < 2_000),
        ),
      ),
      ...(stacked ? bars(frame, series, y) : lines(frame, series, y)),
      ...(cursor === undefined || !samples[cursor]
        ? []
        : [
            drawn('line', {
              class: 'cursor',
              x1: x(samples[cursor]?.at ?? 0),
              x2: x(samples[cursor]?.at ?? 0),
              y1: TOP,
              y2: HEIGHT - BOTTOM,
            }),
          ]),
    );
    read();
  }

  function axis() {
    const all = samples.flatMap((sample) => {
      const some = series.map(({ value }) => value(sample) ?? 0);
      return stacked ? [some.reduce((sum, each) => sum + each, 0)] : some;
    });
    const max = Math.max(0, ...all);
    const bottom = HEIGHT - BOTTOM;
    const positive = all.filter((each) => each > 0);
    if (logarithmic && positive.length > 0) {
      const marks = powers(Math.min(...positive), max);
      const [low, high] = [Math.log10(marks[0] ?? 1), Math.log10(marks.at(-1) ?? 10)];
      /** @param {number} value */
      const y = (value) =>
        bottom - ((Math.log10(Math.max(value, marks[0] ?? 1)) - low) / (high - low)) * (bottom - TOP);
      return { marks, y };
    }
    const marks = ticks(max || 1);
    const top = marks.at(-1) ?? 1;
    /** @param {number} value */
    const y = (value) => bottom - (value / top) * (bottom - TOP);
    return { marks, y };
  }

  function read() {
    // Of many kinds those that do not occur are left out.
    if (stacked)
      for (const [index, entry] of entries.entries())
        entry.hidden = index > 0 && !samples.some((sample) => series[index]?.value(sample));
    const sample = cursor === undefined ? samples.at(-1) : samples[cursor];
    reading.textContent = cursor === undefined || !sample ? '' : clock(sample.at);
    for (const [index, { value }] of series.entries()) {
      const found = sample ? value(sample) : null;
      /** @type {HTMLElement} */ (values[index]).textContent = found === null ? '–' : format(found);
    }
  }

  function summary() {
    return series
      .map(({ name, value }) => {
        const all = samples.map(value).filter((each) => each !== null);
        if (all.length === 0) return `${name}: nothing yet.`;
        const latest = /** @type {number} */ (all.at(-1));
        return `${name}: ${format(latest)} now, ${format(Math.min(...all))} to ${format(Math.max(...all))}.`;
      })
      .join(' ');
  }

  function fillTable() {
    if (!table.open) return;
    const each = Math.ceil(samples.length / TABLE_ROWS) || 1;
    const groups = Array.from({ length: Math.ceil(samples.length / each) }, (_, index) =>
      merged(samples.slice(index * each, (index + 1) * each)),
    );
    rows.replaceChildren(
      ...groups.reverse().map((sample) =>
        element(
          'tr',
          {},
          element('th', { scope: 'row' }, clock(sample.at)),
          ...series.map(({ value }) => {
            const found = value(sample);
            return element('td', {}, found === null ? '–' : format(found));
          }),
        ),
      ),
    );
  }

  /** @param {number | undefined} to */
  function move(to) {
    cursor =
      to === undefined || samples.length === 0 ? undefined : Math.max(0, Math.min(samples.length - 1, to));
    render();
  }

  plot.addEventListener('pointermove', ({ offsetX }) => {
    const at = span.from + ((offsetX - LEFT) / (width - LEFT - RIGHT)) * (span.to - span.from);
    const nearest = samples.reduce(
      (best, sample, index) =>
        Math.abs(sample.at - at) < Math.abs((samples[best]?.at ?? 0) - at) ? index : best,
      0,
    );
    move(nearest);
  });
  plot.addEventListener('pointerleave', () => move(undefined));
  plot.addEventListener('blur', () => move(undefined));
  plot.addEventListener('keydown', (event) => {
    const at = cursor ?? samples.length - 1;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: samples.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    move(to);
    announce(`${reading.textContent}: ${legend.textContent}`);
  });
  table.addEventListener('toggle', fillTable);
  new ResizeObserver(([entry]) => {
    width = Math.floor(entry?.contentRect.width ?? 0);
    render();
  }).observe(plot);

  return {
    node,
    /**
     * @param {Sample[]} given
     * @param {Span} over
     */
    draw(given, over) {
      const at = cursor === undefined ? undefined : samples[cursor]?.at;
      samples = given;
      span = over;
      // It stays where it was in time.
      const found = samples.findIndex((sample) => sample.at === at);
      cursor = at === undefined || found < 0 ? undefined : found;
      render();
      fillTable();
    },
  };
}
