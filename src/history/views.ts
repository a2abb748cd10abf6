import type { Message } from './conversation.ts';
import { canonicalJson, messageIdentity } from './identity.ts';

/**
 * The messages of one view of a conversation. A key is unique in its view, and in the other view it is that of the same message.
 * `previousCopy` is the index of the one before of equal identity, or -1.
 */
export type View = { messages: Message[]; keys: string[]; previousCopy: number[] };

/**
 * Finds which messages of two views are the same. Where an identity is on several, those that say the same are matched
 * first, then the others in their order: a window that begins behind the first of them must not put the second in its place.
 */
export function matchViews(stored: readonly Message[], seen: readonly Message[]): [View, View] {
  const fromStored = viewOf(stored);
  const fromSeen = viewOf(seen);
  for (const [identity, copies] of fromSeen.copies) {
    const others = fromStored.copies.get(identity);
    if (others && (others.length > 1 || copies.length > 1)) matchCopies(fromStored, others, fromSeen, copies);
  }
  return [fromStored, fromSeen];
}

type Counted = View & { copies: Map<string, number[]> };

/** Gives each message its identity as key, and the k-th of equal identities also k. */
function viewOf(messages: readonly Message[]): Counted {
  const view: Counted = { messages: messages.slice(), keys: [], previousCopy: [], copies: new Map() };
  messages.forEach((message, index) => {
    const identity = messageIdentity(message);
    const copies = view.copies.get(identity);
    view.previousCopy.push(copies?.at(-1) ?? -1);
    if (copies) copies.push(index);
    else view.copies.set(identity, [index]);
    view.keys.push(copyKey(identity, copies?.length ?? 1));
  });
  return view;
}

/** No identity begins with digits and an asterisk, so that this cannot be mistaken for another one. */
const copyKey = (identity: string, copy: number): string => (copy === 1 ? identity : `${copy}*${identity}`);

/** Gives the copies in the second view the keys of those in the first that they are. */
function matchCopies(stored: View, others: readonly number[], seen: View, copies: readonly number[]): void {
  const identity = stored.keys[others[0]!]!;
  const bySaying = new Map<string, number[]>();
  // From the end, so that the first is taken first.
  for (const index of others.toReversed()) {
    const json = canonicalJson(stored.messages[index]);
    const same = bySaying.get(json);
    if (same) same.push(index);
    else bySaying.set(json, [index]);
  }
  const left = new Set(others);
  const matched = copies.map((index) => {
    const match = bySaying.get(canonicalJson(seen.messages[index]))?.pop();
    if (match !== undefined) left.delete(match);
    return match;
  });
  const rest = left.values();
  let copy = others.length;
  copies.forEach((index, nth) => {
    const match = matched[nth] ?? rest.next().value;
    if (match === undefined) copy += 1;
    seen.keys[index] = match === undefined ? copyKey(identity, copy) : stored.keys[match]!;
  });
}
