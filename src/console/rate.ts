/** Takes one, or says in how many seconds there is one again. */
export type Rate = { take(): { ok: true } | { ok: false; afterSeconds: number } };

/** So many at once, and then one every so often. */
export function makeRate(burst: number, everyMs: number, now: () => number = () => performance.now()): Rate {
  let left = burst;
  let atMs = now();
  return {
    take() {
      const nowMs = now();
      left = Math.min(burst, left + (nowMs - atMs) / everyMs);
      atMs = nowMs;
      if (left < 1) return { ok: false, afterSeconds: Math.ceil(((1 - left) * everyMs) / 1000) };
      left -= 1;
      return { ok: true };
    },
  };
}
