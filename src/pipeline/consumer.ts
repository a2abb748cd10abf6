import { backOff } from './back-off.ts';
import type { Lanes } from './lanes.ts';
import type { Clock, EventSource, Log } from './ports.ts';
import { makeSlots } from './slots.ts';

export type Consumer = { stop(): Promise<void> };

/**
 * Receives, one event a call and a few calls at once. Each takes one of `maxLockedEvents` slots before it asks and gives
 * it back when the event is settled, so that the events held never exceed the bound, whatever the links do.
 */
export function startConsumer(
  source: EventSource,
  lanes: Lanes,
  maxLockedEvents: number,
  clock: Clock,
  log: Log,
): Consumer {
  const slots = makeSlots(maxLockedEvents);
  const stopping = new AbortController();

  // Said once by all loops together, when it begins and when it ends.
  let failing = false;

  async function loop(): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      await slots.take();
      try {
        const held = stopping.signal.aborted ? undefined : await source.receive();
        failures = 0;
        if (failing) log.info({}, 'receiving again');
        failing = false;
        if (held) lanes.accept(held, slots.give);
        else slots.give();
      } catch (error) {
        slots.give();
        failures += 1;
        const { name, message } = error as Error;
        if (!failing)
          log.warn({ code: 'ReceiveFailed', reason: message || name }, 'receiving failed, to be tried again');
        failing = true;
        await clock.sleep(backOff(failures - 1, clock), stopping.signal);
      }
    }
  }

  const loops = Array.from({ length: Math.min(source.parallelReceives, maxLockedEvents) }, loop);
  return {
    async stop() {
      stopping.abort();
      // A loop may wait for a slot that only a settlement frees: draining the lanes goes on beside this.
      await Promise.all(loops);
    },
  };
}
