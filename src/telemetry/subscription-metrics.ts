import { context, type Meter } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { observe } from './instruments.ts';

export type Subscription = {
  oldestEnqueuedAtMs(): Promise<number | undefined>;
  depth(): Promise<{ backlog: number; deadLetters: number } | undefined>;
};

type Seen = {
  oldestAtMs?: number | undefined;
  isOldestKnown: boolean;
  backlog?: number;
  deadLetters?: number;
};

/** Several may read the metrics, and often: Service Bus is not asked more often than this. */
const FRESH_MS = 5_000;

/**
 * How old the oldest event is and how many there are. Service Bus is asked only when somebody reads the metrics, and not while it
 * is away; what it does not tell is left out.
 */
export function observeSubscription(
  meter: Meter,
  subscription: Subscription,
  isAway: () => boolean,
  now: () => number = Date.now,
): void {
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let seen: Promise<Seen> = Promise.resolve({ isOldestKnown: false });

  async function ask(): Promise<Seen> {
    const [oldest, depth] = await Promise.allSettled([
      subscription.oldestEnqueuedAtMs(),
      subscription.depth(),
    ]);
    return {
      ...(depth.status === 'fulfilled' ? depth.value : {}),
      isOldestKnown: oldest.status === 'fulfilled',
      oldestAtMs: oldest.status === 'fulfilled' ? oldest.value : undefined,
    };
  }

  observe(meter, ['oldest', 'backlog', 'deadLetters'], async () => {
    if (isAway()) return {};
    if (now() - askedAtMs >= FRESH_MS) {
      askedAtMs = now();
      // It is nobody's call: it makes no spans.
      seen = context.with(suppressTracing(context.active()), ask);
    }
    const { isOldestKnown, oldestAtMs, ...depth } = await seen;
    const age = oldestAtMs === undefined ? 0 : Math.max(0, now() - oldestAtMs) / 1000;
    return { ...depth, ...(isOldestKnown ? { oldest: age } : {}) };
  });
}
