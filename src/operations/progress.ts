import { styleText } from 'node:util';

export type Progress = {
  update(done: number, note?: string): void;
  /** A line that stays, above the bar. */
  say(line: string): void;
  end(): void;
};

const BAR = 24;
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
      const full = Math.round(share * BAR);
      const bar = `${'█'.repeat(full)}${styleText('dim', '░'.repeat(BAR - full), { stream })}`;
      const rate = done / Math.max(0.001, (drawnMs - startedMs) / 1000);
      const left = share < 1 && done > 0 ? `, ${Math.ceil((total - done) / rate)} s left` : '';
      const facts = `${done}/${total}${left}${note && ` · ${note}`}`;
      // A line that wraps could not be cleared.
      const room = Math.max(10, (stream.columns || 80) - what.length - BAR - 4);
      line = `${what} ${bar} ${facts.slice(0, room)}`;
      clear();
      stream.write(line);
    },
    say(said) {
      clear();
      stream.write(`${said}\n`);
      if (isLive) stream.write(line);
    },
    end: clear,
  };
}
