/**
 * Runs things in order, each a delay later. Without a delay and with nothing waiting, at once. A shorter delay never
 * overtakes what was put in before it.
 */
export function makeDelayLine(delayMs: () => number) {
  let waiting: { due: number; run: () => void }[] = [];
  let timer: NodeJS.Timeout | undefined;
  const arm = (): void => {
    const first = waiting[0];
    timer = first && setTimeout(runDue, Math.max(0, first.due - performance.now()));
  };
  function runDue(): void {
    const now = performance.now();
    const later = waiting.findIndex(({ due }) => due > now);
    const due = waiting.splice(0, later === -1 ? waiting.length : later);
    arm();
    for (const { run } of due) run();
  }
  return {
    push(run: () => void): void {
      const delay = delayMs();
      if (delay === 0 && waiting.length === 0) {
        run();
        return;
      }
      waiting.push({ due: Math.max(performance.now() + delay, waiting.at(-1)?.due ?? 0), run });
      if (!timer) arm();
    },
    stop(): void {
      clearTimeout(timer);
      waiting = [];
    },
  };
}
export type DelayLine = ReturnType<typeof makeDelayLine>;
