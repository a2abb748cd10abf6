import type { CallFacts, TitleResult, Watch } from '../pipeline/watch.ts';
import { makeDurations } from './durations.ts';

/** What happened within a few seconds. Charts are drawn from it. */
export type Counts = {
  received: number;
  redelivered: number;
  durable: number;
  completed: number;
  deadLettered: number;
  abandoned: number;
  /** Their locks were lost, or their settlements not taken: they come again. */
  lost: number;
  requestUnits: number;
  inputTokens: number;
  outputTokens: number;
  titles: Record<TitleResult, number>;
};

/** Milliseconds from receipt until history holds the turn; null where nothing became durable. */
export type Quantiles = { p50: number | null; p99: number | null };

export type Taken = Counts & Quantiles & { inHand: number; lastMinute: Quantiles };

export type Tally = {
  watch: Watch;
  /** What was counted since it was taken last. */
  take(): Taken;
};

const outcomes = {
  complete: 'completed',
  'dead-letter': 'deadLettered',
  abandon: 'abandoned',
  lost: 'lost',
} as const;

/**
 * Counts what the metrics count too, for the page: a few additions an event. `takesAMinute` is how many takes the last minute
 * is made of.
 */
export function makeTally(takesAMinute: number, now: () => number = () => performance.now()): Tally {
  let counts = nought();
  let inHand = 0;
  const minute = Array.from({ length: takesAMinute }, makeDurations);
  let at = 0;

  const notes: Partial<Record<string, (facts: CallFacts) => void>> = {
    cosmos({ requestUnits = 0 }) {
      counts.requestUnits += requestUnits;
    },
    titles({ inputTokens = 0, outputTokens = 0 }) {
      counts.inputTokens += inputTokens;
      counts.outputTokens += outputTokens;
    },
  };

  return {
    watch: {
      received({ deliveryCount }) {
        const receivedAtMs = now();
        let isDurable = false;
        counts.received += 1;
        if (deliveryCount > 0) counts.redelivered += 1;
        inHand += 1;
        return {
          run: (_step, work) => work(),
          say: (line) => line(),
          durable() {
            if (isDurable) return;
            isDurable = true;
            counts.durable += 1;
            minute[at]!.add(now() - receivedAtMs);
          },
          ended({ kind }) {
            inHand -= 1;
            counts[outcomes[kind]] += 1;
          },
        };
      },
      round: (_events, work) => work(nothing),
      call: (service, _operation, work) => work(notes[service] ?? nothing),
      titled(result) {
        counts.titles[result] += 1;
      },
    },
    take() {
      const taken = counts;
      counts = nought();
      const all = makeDurations();
      for (const durations of minute) all.addAll(durations);
      const quantiles = quantilesOf(minute[at]!);
      at = (at + 1) % minute.length;
      minute[at]!.clear();
      return { ...taken, ...quantiles, inHand, lastMinute: quantilesOf(all) };
    },
  };
}

const nothing = (): void => undefined;

const nought = (): Counts => ({
  received: 0,
  redelivered: 0,
  durable: 0,
  completed: 0,
  deadLettered: 0,
  abandoned: 0,
  lost: 0,
  requestUnits: 0,
  inputTokens: 0,
  outputTokens: 0,
  titles: { stored: 0, overtaken: 0, refused: 0, unusable: 0, unavailable: 0 },
});

const quantilesOf = (durations: ReturnType<typeof makeDurations>): Quantiles => ({
  p50: durations.quantile(0.5) ?? null,
  p99: durations.quantile(0.99) ?? null,
});
