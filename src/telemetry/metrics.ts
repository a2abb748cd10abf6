import type { Attributes, Counter, Meter } from '@opentelemetry/api';
import type { Config } from '../config.ts';
import { type FailureCode, type FailureRule, failures } from '../pipeline/failures.ts';
import { type EventWatch, type RoundFacts, titleResults, type Watch } from '../pipeline/watch.ts';
import { type CallMetrics, codeOf, makeCallMetrics } from './call-metrics.ts';
import { counterOf, histogramOf, observe } from './instruments.ts';
import { label } from './metric-names.ts';
import { attribute, event as eventNames, value } from './names.ts';

/** An event in hand, as far as it concerns its numbers. */
type Counted = EventWatch & { covered: boolean };

/** Counts and times what the pipeline does. Ages are by this machine's clock and the publisher's, and never below 0. */
export function makeMetrics(
  meter: Meter,
  config: Pick<Config, 'serviceBus'>,
  now: () => number = Date.now,
): Watch {
  const { topic, subscription } = config.serviceBus;
  const from: Attributes = {
    [attribute.MESSAGING_SYSTEM_NAME]: value.MESSAGING_SYSTEM_VALUE_SERVICEBUS,
    [attribute.MESSAGING_DESTINATION_NAME]: topic,
    [attribute.MESSAGING_DESTINATION_SUBSCRIPTION_NAME]: subscription,
  };
  const consumed = counterOf(meter, 'consumed');
  const redelivered = counterOf(meter, 'redelivered');
  const settled = counterOf(meter, 'settled');
  const durable = counterOf(meter, 'durable');
  const processDuration = histogramOf(meter, 'processDuration');
  const durableDuration = histogramOf(meter, 'durableDuration');
  const ageAtReceipt = histogramOf(meter, 'ageAtReceipt');
  const ageAtDurability = histogramOf(meter, 'ageAtDurability');
  const titles = counterOf(meter, 'titles');
  const calls: CallMetrics = makeCallMetrics(meter);
  const rounds = makeRoundMetrics(meter, calls);
  startAtNought(settled, redelivered, titles);
  const secondsSince = (ms: number): number => Math.max(0, now() - ms) / 1000;

  /** Since when each event has been in hand: the first one for longest. */
  const inHand = new Map<Counted, number>();
  observe(meter, ['inHand', 'oldestInHand'], () => {
    const [oldestSinceMs] = inHand.values();
    return {
      inHand: inHand.size,
      oldestInHand: oldestSinceMs === undefined ? 0 : secondsSince(oldestSinceMs),
    };
  });

  return {
    received(held, { completedAtMs }): Counted {
      const receivedAtMs = now();
      let isDurable = false;
      consumed.add(1, from);
      if (held.deliveryCount > 0) redelivered.add(1);
      if (completedAtMs !== undefined) ageAtReceipt.record(secondsSince(completedAtMs));
      const counted: Counted = {
        covered: false,
        run: (_step, work) => work(),
        say: (line) => line(),
        durable() {
          // A title that could not be stored brings its events another round.
          if (isDurable) return;
          isDurable = true;
          durable.add(1, { [label.durableBy]: counted.covered ? 'round' : 'memory' });
          durableDuration.record(secondsSince(receivedAtMs));
          if (completedAtMs !== undefined) ageAtDurability.record(secondsSince(completedAtMs));
        },
        ended(outcome) {
          inHand.delete(counted);
          const failure = 'code' in outcome ? { [attribute.ERROR_TYPE]: outcome.code } : {};
          settled.add(1, { [eventNames.outcome]: outcome.kind, ...failure });
          processDuration.record(secondsSince(receivedAtMs), { ...from, ...failure });
        },
      };
      inHand.set(counted, receivedAtMs);
      return counted;
    },
    async round(events, work) {
      const result = await rounds(events.length, work);
      for (const event of events as Counted[]) event.covered = true;
      return result;
    },
    call: calls.call,
    titled: (result) => titles.add(1, { [label.titleResult]: result }),
  };
}

/** Whoever alerts on an increase sees none where a counter comes into being with its first count. */
function startAtNought(settled: Counter, redelivered: Counter, titles: Counter): void {
  redelivered.add(0);
  for (const outcome of ['complete', 'abandon']) settled.add(0, { [eventNames.outcome]: outcome });
  for (const [code, { outcome }] of Object.entries<FailureRule>(failures))
    if (outcome === 'dead-letter' || outcome === 'wait')
      settled.add(0, { [eventNames.outcome]: 'dead-letter', [attribute.ERROR_TYPE]: code });
  for (const code of ['LockLost', 'SettlementFailed'] satisfies FailureCode[])
    settled.add(0, { [eventNames.outcome]: 'lost', [attribute.ERROR_TYPE]: code });
  for (const result of titleResults) titles.add(0, { [label.titleResult]: result });
}

function makeRoundMetrics(meter: Meter, { wrote }: CallMetrics) {
  const roundEvents = histogramOf(meter, 'roundEvents');
  const duration = histogramOf(meter, 'roundDuration');
  const size = histogramOf(meter, 'conversationSize');
  return async <T>(events: number, work: (note: (facts: RoundFacts) => void) => Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    const known: RoundFacts = {};
    let failure: Attributes = {};
    try {
      const result = await work((facts) => void Object.assign(known, facts));
      roundEvents.record(events);
      if (known.write !== undefined) wrote(known.write);
      return result;
    } catch (error) {
      failure = { [attribute.ERROR_TYPE]: codeOf(error) };
      throw error;
    } finally {
      duration.record((performance.now() - startedMs) / 1000, failure);
      if (known.bytes !== undefined) size.record(known.bytes);
    }
  };
}
