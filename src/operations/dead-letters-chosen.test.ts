import { describe, expect, test } from 'vitest';
import type { EventSource, HeldEvent, Settlement } from '../pipeline/ports.ts';
import { chooseFrom } from './dead-letters-chosen.ts';

const never = new AbortController().signal;

/** A source of one link that gives these, one after another, and then nothing. */
function sourceOf(sequences: readonly string[], lockMs = 60_000) {
  const settled: [string, Settlement['kind']][] = [];
  const waiting = [...sequences];
  const source: EventSource = {
    parallelReceives: 1,
    mostAtOnce: 1,
    async receive() {
      const sequenceNumber = waiting.shift();
      if (sequenceNumber === undefined) return [];
      const held: HeldEvent = {
        ...{ body: {}, messageId: undefined, sequenceNumber, enqueuedAtMs: 0, deliveryCount: 0 },
        traceparent: undefined,
        lock: { lockedUntilMs: Date.now() + lockMs, renew: async () => Date.now() + lockMs },
        settle: async ({ kind }) => void settled.push([sequenceNumber, kind]),
      };
      return [held];
    },
    probe: async () => undefined,
    reconnect: () => undefined,
    close: async () => undefined,
  };
  return { source, settled, waiting };
}

/** What a receive of one event brings. */
const one = async (source: EventSource, signal = never): Promise<HeldEvent | undefined> =>
  (await source.receive(signal, 1))[0];

const deadLetter: Settlement = { kind: 'dead-letter', reason: 'PartitionFull', description: 'full' };

describe('choosing', () => {
  test('passes on what was chosen, each until it has come to an outcome, and gives back the others', async () => {
    const { source, settled, waiting } = sourceOf(['1', '2', '3', '4']);
    const chosen = chooseFrom(source, new Set(['2', '4']));
    const second = await one(chosen);
    await second!.settle({ kind: 'complete' });
    const fourth = await one(chosen);
    await fourth!.settle(deadLetter);
    expect(chosen.isComplete).toBe(true);
    expect(chosen.outcomes.get('4')).toEqual({
      kind: 'failed',
      reason: 'PartitionFull',
      description: 'full',
    });
    expect(settled).toEqual([['2', 'complete']]);
    expect(await chosen.finish(never)).toBe(0);
    expect(settled.slice(1).sort()).toEqual([
      ['1', 'abandon'],
      ['3', 'abandon'],
      ['4', 'abandon'],
    ]);
    waiting.push('4');
  });

  test('what was abandoned, or whose lock was lost, is passed on again; what failed is not', async () => {
    const { source } = sourceOf(['1', '1', '2', '2', '3']);
    const chosen = chooseFrom(source, new Set(['1', '2', '3']));
    const first = await one(chosen);
    await first!.settle({ kind: 'abandon' });
    expect((await one(chosen))?.sequenceNumber).toBe('1');
    await (await one(chosen))!.settle(deadLetter);
    expect((await one(chosen))?.sequenceNumber).toBe('3');
  });

  test('it is quiet once each link has come back empty twice since the last one that was chosen', async () => {
    const { source, waiting } = sourceOf([]);
    const chosen = chooseFrom(source, new Set(['1']));
    await one(chosen);
    expect(chosen.isQuiet).toBe(false);
    await one(chosen);
    expect(chosen.isQuiet).toBe(true);
    waiting.push('1');
    await one(chosen);
    expect(chosen.isQuiet).toBe(false);
  });

  test('and once all others have come again without one that was chosen: their locks are too short to pass them', async () => {
    const { source } = sourceOf(Array.from({ length: 100 }, (_, index) => String(index % 7)));
    const chosen = chooseFrom(source, new Set(['behind them']));
    const receiving = one(chosen);
    await receiving;
    expect(chosen.isQuiet).toBe(true);
    expect(chosen.passed).toBe(7);
  });

  test('who asks for more when all is done waits to be told to stop', async () => {
    const { source, waiting } = sourceOf(['1']);
    const chosen = chooseFrom(source, new Set(['1']));
    await (await one(chosen))!.settle({ kind: 'complete' });
    waiting.push('2');
    const stopping = new AbortController();
    const asked = one(chosen, stopping.signal);
    stopping.abort();
    expect(await asked).toBeUndefined();
    expect(waiting).toEqual(['2']);
  });

  test('a failure that comes after the end is given back at once', async () => {
    const { source, settled } = sourceOf(['1']);
    const chosen = chooseFrom(source, new Set(['1']));
    const held = await one(chosen);
    await chosen.finish(never);
    await held!.settle(deadLetter);
    expect(settled).toEqual([['1', 'abandon']]);
  });

  test('told to hurry it gives nothing back, and says how many stay locked; those whose locks ran out do not', async () => {
    const [lasting, over] = [sourceOf(['1', '2', '3']), sourceOf(['1', '2', '3'], -1)];
    const [first, second] = [lasting, over].map(({ source }) => chooseFrom(source, new Set(['none'])));
    await one(first!);
    await one(second!);
    expect(await first!.finish(AbortSignal.abort())).toBe(3);
    expect(await second!.finish(never)).toBe(0);
    expect([...lasting.settled, ...over.settled]).toEqual([]);
  });
});
