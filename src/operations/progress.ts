import { styleText } from 'node:util';

export type Progress = {
  update(done: number, note?: string): void;
  /** A line that stays, above the bar. */
  say(line: string): void;
  end(): void;
};

const BAR = 24;
/** As many columns are the numbers' first: `1234/20000, 120 s left`. */
const FACTS = 23;
/** Shorter than that it tells nothing. */
const LEAST_BAR = 4;
const REDRAW_MS = 100;

/** A bar on stderr for work that may take long. On anything but a terminal there is none: `say` alone writes. */
export function startProgress(
  what: string,
  total: number,
  stream: NodeJS.WriteStream = process.stderr,
): Progress {
  const isLive = stream.isTTY === true;
  const startedMs = performance.now();
  let drawnMs = Number.NEGATIVE_INFINITY;
  let line = '';
  const clear = (): void => void (isLive && stream.write('\r\u001b[2K'));

  return {
    update(done, note = '') {
      if (!isLive || performance.now() - drawnMs < REDRAW_MS) return;
      drawnMs = performance.now();
      const share = total === 0 ? 1 : Math.min(1, done / total);
      const rate = done / Math.max(0.001, (drawnMs - startedMs) / 1000);
      const left = share < 1 && done > 0 ? `, ${Math.ceil((total - done) / rate)} s left` : '';
      const facts = `${done}/${total}${left}${note && ` · ${note}`}`;
      // A line that wraps could not be cleared: the bar gives way to the numbers, and they to the edge.
      const room = (stream.columns || 80) - 1;
      const bar = barOf(share, Math.min(BAR, room - what.length - 2 - FACTS), stream);
      const named = what.slice(0, room - 1);
      const numbers = facts.slice(0, Math.max(0, room - named.length - 1 - bar.columns));
      line = `${named} ${bar.text}${numbers}`;
      clear();
      stream.write(line);
    },
    say(said) {
      clear();
      stream.write(`${said}\n`);
      if (isLive) stream.write(line);
    },
    end() {
      clear();
      line = '';
    },
  };
}

function barOf(share: number, width: number, stream: NodeJS.WriteStream): { columns: number; text: string } {
  if (width < LEAST_BAR) return { columns: 0, text: '' };
  const full = Math.round(share * width);
  const rest = styleText('dim', '░'.repeat(width - full), { stream });
  return { columns: width + 1, text: `${'█'.repeat(full)}${rest} ` };
}
