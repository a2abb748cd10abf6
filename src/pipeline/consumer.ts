import { backOff } from './back-off.ts';
import { Failure } from './failures.ts';
import type { Gates } from './gates.ts';
import type { Lanes } from './lanes.ts';
import type { Clock, EventSource, HeldEvent } from './ports.ts';
import { makeSlots } from './slots.ts';

export type Consumer = {
  /** Receiving has ended when this resolves; what is on its way by then is still accepted. */
  stop(): Promise<void>;
};

/**
 * Receives, by a few calls at once. Each takes one of `maxLockedEvents` slots before it asks, and more up to its share if they are
 * free; one is given back when its event is settled, so that the events held never exceed the bound, whatever the links do. While a gate is
 * closed nothing is asked for: an outage costs no event a delivery. `onReceived` is told when a receive has ended, whatever it
 * brought.
 */
export function startConsumer(
  source: EventSource,
  lanes: Lanes,
  gates: Gates,
  maxLockedEvents: number,
  clock: Clock,
  onReceived?: () => void,
): Consumer {
  const slots = makeSlots(maxLockedEvents);
  const stopping = new AbortController();
  const { signal } = stopping;
  const underWay = new Set<Promise<unknown>>();
  const loops = Math.min(source.parallelReceives, maxLockedEvents);
  const share = Math.min(source.mostAtOnce, Math.floor(maxLockedEvents / loops));

  async function receive(most: number): Promise<readonly HeldEvent[]> {
    const receiving = source.receive(signal, most);
    underWay.add(receiving);
    try {
      return await receiving;
    } finally {
      underWay.delete(receiving);
      onReceived?.();
    }
  }

  async function loop(): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      await slots.take();
      // Behind the slot, which may be long in coming: a gate may have closed meanwhile.
      await gates.opened(signal);
      let unused = 1;
      try {
        if (signal.aborted) return;
        unused += slots.takeFree(share - 1);
        const events = await receive(unused);
        failures = 0;
        gates.receiving(undefined);
        for (const held of events) {
          unused -= 1;
          lanes.accept(held, slots.give);
        }
      } catch (error) {
        failures += 1;
        gates.receiving(receiveFailure(error));
      } finally {
        for (; unused > 0; unused -= 1) slots.give();
      }
      if (failures > 0) await clock.sleep(backOff(failures - 1, clock), signal);
    }
  }

  for (let count = 0; count < loops; count += 1) void loop();
  return {
    async stop() {
      stopping.abort();
      // Not the loops: one may wait for a slot that only a settlement frees, and asks for nothing any more then.
      await Promise.allSettled(underWay);
    },
  };
}

function receiveFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const { code, name, message } = error as { code?: unknown; name: string; message: string };
  return new Failure('ReceiveFailed', `receiving: ${String(code ?? name)}: ${message}`, { cause: error });
}
