import type { Message } from './conversation.ts';
import { parseInstant } from './timestamp.ts';

/**
 * The order of a merged conversation, as keys: the base keeps its order, and a message that only the other side has
 * goes between its nearest neighbours that both share: before the first base message there whose running maximum of
 * timestamps is greater than its own, else at the end of that interval. Never sorted by time: the messages of a turn
 * share one timestamp, and their order is all there is. A message without a timestamp takes that of those before it.
 */
export function placeMissing(
  base: ReadonlyMap<string, Message>,
  other: ReadonlyMap<string, Message>,
): string[] {
  const baseKeys = [...base.keys()];
  const missing = [...other.keys()].filter((key) => !base.has(key));
  if (missing.length === 0) return baseKeys;

  const position = new Map(baseKeys.map((key, index) => [key, index]));
  const baseMaxima = runningMaxima([...base.values()]);
  const otherKeys = [...other.keys()];
  const otherMaxima = runningMaxima([...other.values()]);
  const following = nextShared(otherKeys, position);
  const before = new Map<number, string[]>(); // base position -> what goes in front of it

  let preceding = -1;
  otherKeys.forEach((key, index) => {
    const shared = position.get(key);
    if (shared !== undefined) {
      preceding = shared;
      return;
    }
    const end = following[index]! > preceding ? following[index]! : baseKeys.length; // neighbours in inverted order
    const own = timeOf(other.get(key)!) ?? otherMaxima[index]!;
    const place = firstGreater(baseMaxima, own, preceding + 1, end);
    const queue = before.get(place);
    if (queue) queue.push(key);
    else before.set(place, [key]);
  });

  const order: string[] = [];
  for (let index = 0; index <= baseKeys.length; index += 1) {
    const queue = before.get(index);
    if (queue) order.push(...queue);
    if (index < baseKeys.length) order.push(baseKeys[index]!);
  }
  return order;
}

/** For each key of the other side, the base position of the next shared one behind it, or the base's end. */
function nextShared(keys: readonly string[], position: ReadonlyMap<string, number>): number[] {
  const result = new Array<number>(keys.length);
  let next = position.size;
  for (let index = keys.length - 1; index >= 0; index -= 1) {
    result[index] = next;
    next = position.get(keys[index]!) ?? next;
  }
  return result;
}

/** Running maxima never decrease, so the first greater one is found by halving. */
function firstGreater(maxima: readonly number[], own: number, from: number, to: number): number {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (maxima[middle]! > own) high = middle;
    else low = middle + 1;
  }
  return low;
}

function runningMaxima(messages: readonly Message[]): number[] {
  let maximum = -Infinity;
  return messages.map((message) => {
    maximum = Math.max(maximum, timeOf(message) ?? -Infinity);
    return maximum;
  });
}

function timeOf(message: Message): number | undefined {
  return typeof message.timestamp === 'string' ? parseInstant(message.timestamp) : undefined;
}
