import type { Message } from './conversation.ts';
import { parseInstant } from './timestamp.ts';
import type { View } from './views.ts';

/**
 * The base's messages in the base's order, with those that only the other view has put in between (SPEC §3, Order).
 *
 * Such a message goes between its nearest neighbours in its own view that the base has too: before the first base message there
 * whose running maximum of timestamps is greater than its own, else at the end of that interval. Where the neighbours
 * stand in inverted order, or there is none behind, the interval reaches from the preceding one to the end of the base.
 *
 * "Its own" is a running maximum too, over its own view: so a message without a timestamp has its predecessor's, and
 * messages that go into one interval keep their order among themselves. Nothing is ever sorted by time.
 *
 * Copies of one identity never overtake each other, whatever their neighbours say: the k-th would come to be another.
 */
export function interleave(base: View, other: View): Message[] {
  const positions = new Map(base.keys.map((key, i) => [key, i]));
  const shared = other.keys.map((key) => positions.get(key));
  const baseLatest = runningMaximum(base.messages);
  const otherLatest = runningMaximum(other.messages);
  const following = nearestFollowing(shared, base.keys.length);

  const before = new Map<number, Message[]>();
  // For each message of the other view, the base position before which stands what follows it.
  const slots: number[] = [];
  let from = 0;
  shared.forEach((position, i) => {
    if (position !== undefined) {
      from = position + 1;
      slots.push(from);
      return;
    }
    const to = following[i]! >= from ? following[i]! : base.keys.length;
    const slot = Math.max(
      firstGreater(baseLatest, otherLatest[i]!, from, to),
      slots[other.previousCopy[i]!] ?? 0,
    );
    slots.push(slot);
    const placed = before.get(slot);
    if (placed === undefined) before.set(slot, [other.messages[i]!]);
    else placed.push(other.messages[i]!);
  });
  if (before.size === 0) return base.messages.slice();

  const result: Message[] = [];
  for (let i = 0; i <= base.messages.length; i++) {
    const placed = before.get(i);
    if (placed !== undefined) for (const message of placed) result.push(message);
    if (i < base.messages.length) result.push(base.messages[i]!);
  }
  return result;
}

/** For each place in a view, the base position of the nearest message from there on that the base has, or `end`. */
function nearestFollowing(shared: readonly (number | undefined)[], end: number): number[] {
  const following = new Array<number>(shared.length);
  let position = end;
  for (let i = shared.length - 1; i >= 0; i--) {
    position = shared[i] ?? position;
    following[i] = position;
  }
  return following;
}

/** The latest timestamp up to and including each message; minus infinity before the first. */
function runningMaximum(messages: readonly Message[]): Float64Array {
  const latest = new Float64Array(messages.length);
  let maximum = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < messages.length; i++) {
    const { timestamp } = messages[i]!;
    const at = typeof timestamp === 'string' ? parseInstant(timestamp) : undefined;
    if (at !== undefined && at > maximum) maximum = at;
    latest[i] = maximum;
  }
  return latest;
}

/** The first index in [from, to) whose value is greater; `to` if none is. The values never decrease. */
function firstGreater(values: Float64Array, value: number, from: number, to: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
