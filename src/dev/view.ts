import type { Settled } from '../pipeline/hand.ts';

/** That of which so large a share of the values is not above it, to a tenth; 0 of none. */
export const percentile = (values: readonly number[], share: number): number => {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]! * 10) / 10;
};

/** What happened to one event, for people. */
export function lineOf(settled: Settled, latencyMs: number | undefined): string {
  const { settlement } = settled;
  const took = latencyMs === undefined ? '' : ` in ${latencyMs.toFixed(0)} ms`;
  if (settlement.kind === 'dead-letter') return `dead-lettered: ${settlement.reason}`;
  return settlement.kind === 'complete' ? `durable${took}` : 'handed back';
}

/** Redraws a compact view in a terminal, some times a second; `end` leaves the last picture standing. */
export function startView(picture: () => string[], screen: NodeJS.WriteStream = process.stdout) {
  const draw = makeDrawing(screen);
  const timer = setInterval(() => draw(picture()), 250);
  return {
    end(): void {
      clearInterval(timer);
      draw(picture());
    },
  };
}

/**
 * Draws a picture in the place of the one before. A line that is wider than the terminal is cut; where there are more lines than it
 * has rows, the first stays and the last follow it, for what has scrolled away cannot be drawn anew.
 */
export function makeDrawing(screen: NodeJS.WriteStream): (picture: string[]) => void {
  let drawn: string[] = [];
  return ([first = '', ...others]) => {
    const width = screen.columns || 80;
    const room = Math.max(0, (screen.rows || 24) - 2);
    // A terminal that has become narrower has broken what it shows into more rows.
    const up = drawn.reduce((rows, line) => rows + Math.max(1, Math.ceil(columnsOf(line) / width)), 0);
    drawn = [first, ...others.slice(Math.max(0, others.length - room))].map((line) => cut(line, width));
    screen.write(
      `${up > 0 ? `\x1b[${up}A` : ''}\r${drawn.map((line) => `\x1b[2K${line}\n`).join('')}\x1b[0J`,
    );
  };
}

/** Cuts to columns, not characters. */
function cut(text: string, width: number): string {
  let columns = 0;
  let result = '';
  for (const { segment } of segments(text)) {
    columns += columnsOf(segment);
    if (columns > width - 1) return `${result}…`;
    result += segment;
  }
  return result;
}

const segmenter = new Intl.Segmenter();
const segments = (text: string) => segmenter.segment(text);

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;

/** East Asian and emoji take two. */
function columnsOf(text: string): number {
  let columns = 0;
  for (const { segment } of segments(text)) columns += wide.test(segment) ? 2 : 1;
  return columns;
}
