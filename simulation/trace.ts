export type Trace = {
  note(line: string): void;
  /** Of all lines so far: equal for equal runs. */
  readonly hash: string;
  /** Kept only if asked for. */
  readonly lines: readonly string[];
};

export function makeTrace(keep: boolean, sinceStartMs: () => number): Trace {
  const lines: string[] = [];
  let [a, b] = [0x811c9dc5, 0x1b873593];
  return {
    note(line) {
      const timed = `${sinceStartMs().toFixed(3)} ${line}`;
      for (let index = 0; index < timed.length; index += 1) {
        a = Math.imul(a ^ timed.charCodeAt(index), 0x01000193);
        b = Math.imul(b + timed.charCodeAt(index), 0x5bd1e995) ^ (b >>> 13);
      }
      if (keep) lines.push(timed);
    },
    get hash() {
      return [a, b].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
    },
    lines,
  };
}
