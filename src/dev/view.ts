import type { Settled } from '../pipeline/hand.ts';

export type Tally = {
  sent: number;
  settled: number;
  complete: number;
  deadLettered: number;
  redelivered: number;
  latenciesMs: number[];
};
export type Recent = { at: string; session: string; text: string };

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
export function startView(picture: () => string[]) {
  let drawn = 0;
  const draw = (): void => {
    const width = process.stdout.columns || 80;
    const lines = picture().map((line) => cut(line, width));
    const up = drawn > 0 ? `\x1b[${drawn}A` : '';
    process.stdout.write(`${up}${lines.map((line) => `\x1b[2K${line}\n`).join('')}\x1b[0J`);
    drawn = lines.length;
  };
  const timer = setInterval(draw, 250);
  return {
    end(): void {
      clearInterval(timer);
      draw();
    },
  };
}

/** Cuts to columns, not characters: East Asian and emoji take two. */
function cut(text: string, width: number): string {
  let columns = 0;
  let result = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    columns +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u.test(
        segment,
      )
        ? 2
        : 1;
    if (columns > width - 1) return `${result}…`;
    result += segment;
  }
  return result;
}
