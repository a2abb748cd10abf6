import { shown } from './result.ts';

export type Bar = { label: string; value: number; from: number; to: number };

const WIDTH = 720;
const LABELS = 180;
const VALUES = 90;
const ROW = 30;
const TOP = 44;

/** Horizontal bars with the spread as a thin line: plain SVG that follows the reader's light or dark colours. */
export function barChart(title: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ to }) => to), Number.MIN_VALUE);
  const x = (value: number): number => LABELS + (value / most) * (WIDTH - LABELS - VALUES);
  const rows = bars.map(({ label, value, from, to }, index) => {
    const y = TOP + index * ROW;
    const middle = y + ROW / 2 - 4;
    return [
      `<text class="label" x="${LABELS - 8}" y="${middle + 4}" text-anchor="end">${escaped(label)}</text>`,
      `<rect class="${label.startsWith('worker') ? 'own' : 'other'}" x="${LABELS}" y="${y}" width="${Math.max(1, x(value) - LABELS).toFixed(1)}" height="${ROW - 8}"/>`,
      `<line x1="${x(from).toFixed(1)}" x2="${x(to).toFixed(1)}" y1="${middle}" y2="${middle}"/>`,
      `<text class="value" x="${(x(to) + 6).toFixed(1)}" y="${middle + 4}">${escaped(shown(value))}</text>`,
    ].join('');
  });
  const height = TOP + bars.length * ROW + 8;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">`,
    '<style>text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600}.own{fill:#0969da}.other{fill:#8c959f}line{stroke:#1f2328}',
    '@media(prefers-color-scheme:dark){text{fill:#e6edf3}.own{fill:#4493f8}.other{fill:#656c76}line{stroke:#e6edf3}}</style>',
    `<text class="title" x="8" y="24">${escaped(title)}</text>`,
    ...rows,
    '</svg>',
    '',
  ].join('\n');
}

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
