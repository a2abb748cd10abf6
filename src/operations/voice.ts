import { plain } from './plain-text.ts';
import { type Progress, startProgress } from './progress.ts';

/** What an operation says on stderr, whether a bar is drawn just then or not. */
export type Voice = {
  say(line: string): void;
  /** Shows a bar while something is done. */
  during<T>(what: string, total: number, work: (progress: Progress) => Promise<T>): Promise<T>;
};

/** Silent to begin with, and without a bar. */
export function makeVoice(): Voice {
  let current: Progress | undefined;
  return {
    say(line) {
      if (current) current.say(plain(line));
      else console.error(plain(line));
    },
    async during(what, total, work) {
      current = startProgress(what, total);
      try {
        return await work(current);
      } finally {
        current.end();
        current = undefined;
      }
    },
  };
}
