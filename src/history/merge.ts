import type { Conversation, Message } from './conversation.ts';
import { type HistoryDocument, isUntitled } from './document.ts';
import { canonicalJson, sameJson } from './identity.ts';
import { isMarker } from './marker.ts';
import { interleave } from './order.ts';
import { withoutRepeats } from './repeats.ts';
import { parseInstant } from './timestamp.ts';
import { matchViews } from './views.ts';

export type Merged = {
  document: HistoryDocument;
  /** False when the snapshot adds nothing: nothing need be written. */
  changed: boolean;
  /**
   * The messages that were added at the end, where nothing but these, `lastActivity` and `title` differs from the stored
   * document (none, if only those two do): enough for a patch. Null where more than that differs.
   */
  appended: Message[] | null;
};

/**
 * One conversation out of the stored one and a snapshot, by the rules of SPEC §3. Nothing is lost: every message of
 * either side is in the result, and so are the stored item's unknown fields. Neither argument is changed; the document is a new
 * object, its messages are the same ones. Linear in the number of messages, but for a binary search for each that is put in between.
 *
 * - Messages are the same by `messageIdentity`; of several with one identity, those that say the same, then in order (`matchViews`).
 * - The base is the side with the later `lastActivity` (tie: stored). It gives the order (`interleave`), and the content
 *   of what both have; on a tie the longer canonical JSON, then the greater. A marker always loses to the message.
 * - `createdAt` is the earlier, `lastActivity` the later, as instants; an unreadable one loses. The string stays as it came.
 * - The title is the stored one, unless that counts as none. `persistedAt` is the caller's to set.
 */
export function mergeConversations(stored: HistoryDocument, snapshot: Conversation): Merged {
  const storedAt = parseInstant(stored.lastActivity) ?? Number.NEGATIVE_INFINITY;
  const snapshotAt = parseInstant(snapshot.lastActivity) ?? Number.NEGATIVE_INFINITY;
  const messages = mergeMessages(stored.messages, snapshot.messages, snapshotAt - storedAt);

  const lastActivity = snapshotAt > storedAt ? snapshot.lastActivity : stored.lastActivity;
  const createdAt = earlier(stored.createdAt, snapshot.createdAt);
  const title = isUntitled(stored.title) && !isUntitled(snapshot.title) ? snapshot.title! : stored.title;

  const extended = startsWith(messages, stored.messages);
  const added = extended ? messages.length - stored.messages.length : -1;
  const sameRest =
    title === stored.title && lastActivity === stored.lastActivity && createdAt === stored.createdAt;
  return {
    document: { ...stored, title, createdAt, lastActivity, messages },
    changed: added !== 0 || !sameRest,
    appended: extended && createdAt === stored.createdAt ? messages.slice(stored.messages.length) : null,
  };
}

/** The union of two lists. `lead` says which is the base: above 0 the snapshot, below 0 the stored one, 0 is a tie. */
function mergeMessages(stored: Message[], seen: Message[], lead: number): Message[] {
  let prefix = 0;
  while (prefix < stored.length && prefix < seen.length && sameJson(stored[prefix], seen[prefix])) prefix++;
  // All of the snapshot is there already: it lags behind or brings nothing.
  if (prefix === seen.length) return stored;
  const snapshot = withoutRepeats(seen);
  // Nearly always a snapshot is the stored conversation and a turn more. If it repeats itself, positions do not match.
  if (prefix === stored.length && snapshot === seen) return stored.concat(seen.slice(prefix));

  const [fromStored, fromSnapshot] = matchViews(stored, snapshot);
  const positions = new Map(fromSnapshot.keys.map((key, i) => [key, i]));
  fromStored.keys.forEach((key, i) => {
    const at = positions.get(key);
    if (at === undefined) return;
    const winner = chooseContent(stored[i]!, snapshot[at]!, lead);
    fromStored.messages[i] = winner;
    fromSnapshot.messages[at] = winner;
  });
  return lead > 0 ? interleave(fromSnapshot, fromStored) : interleave(fromStored, fromSnapshot);
}

/** Which of two views of one message stays. The stored object itself where they are equal, so that equality is seen. */
function chooseContent(stored: Message, seen: Message, lead: number): Message {
  if (sameJson(stored, seen)) return stored;
  const storedIsMarker = isMarker(stored);
  if (storedIsMarker !== isMarker(seen)) return storedIsMarker ? seen : stored;
  if (lead < 0) return stored;
  const storedJson = canonicalJson(stored);
  const seenJson = canonicalJson(seen);
  if (storedJson === seenJson) return stored;
  if (lead > 0) return seen;
  const difference =
    seenJson.length - storedJson.length || Buffer.compare(Buffer.from(seenJson), Buffer.from(storedJson));
  return difference > 0 ? seen : stored;
}

function startsWith(messages: readonly Message[], beginning: readonly Message[]): boolean {
  return messages.length >= beginning.length && beginning.every((message, i) => message === messages[i]);
}

function earlier(stored: string, seen: string): string {
  const storedAt = parseInstant(stored) ?? Number.POSITIVE_INFINITY;
  const seenAt = parseInstant(seen) ?? Number.POSITIVE_INFINITY;
  return seenAt < storedAt ? seen : stored;
}
