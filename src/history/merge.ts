import type { Conversation, Message } from './conversation.ts';
import { FALLBACK_TITLE, type HistoryDocument, isUntitled } from './document.ts';
import { canonicalJson, messageIdentity, sameJson } from './identity.ts';
import { isMarker } from './marker.ts';
import { placeMissing } from './order.ts';
import { parseInstant } from './timestamp.ts';

export type Merged = {
  document: HistoryDocument;
  /** False when the snapshot adds nothing: nothing need be written. */
  changed: boolean;
  /** What the snapshot adds at the end, if it changes no message and no place: the delta of a patch. Else null. */
  appended: Message[] | null;
};

/**
 * Makes one conversation of what history holds and what Redis shows. The set of messages is the union by identity;
 * nothing ever shrinks; merging again changes nothing. The order is that of the side with the later activity (tie:
 * the stored one). A message id that stands twice on one side is one message, at its first place, with the content
 * that wins a tie. Pure; linear in the number of messages.
 */
export function mergeConversations(stored: HistoryDocument, snapshot: Conversation): Merged {
  const storedAt = instant(stored.lastActivity);
  const snapshotAt = instant(snapshot.lastActivity);
  const messages = mergeMessages(stored.messages, snapshot.messages, Math.sign(snapshotAt - storedAt) || 0);
  const document: HistoryDocument = {
    ...stored,
    title: !isUntitled(stored.title)
      ? stored.title
      : isUntitled(snapshot.title)
        ? (stored.title ?? FALLBACK_TITLE)
        : snapshot.title!,
    createdAt:
      instant(snapshot.createdAt) < (parseInstant(stored.createdAt ?? '') ?? Infinity)
        ? snapshot.createdAt
        : stored.createdAt,
    lastActivity: snapshotAt > storedAt ? snapshot.lastActivity : stored.lastActivity,
    messages,
  };
  const samePrefix = stored.messages.every((message, index) => sameJson(message, messages[index]));
  const sameLength = messages.length === stored.messages.length;
  const sameFields =
    document.title === stored.title &&
    document.createdAt === stored.createdAt &&
    document.lastActivity === stored.lastActivity;
  return {
    document,
    changed: !(samePrefix && sameLength && sameFields),
    appended:
      samePrefix && document.createdAt === stored.createdAt ? messages.slice(stored.messages.length) : null,
  };
}

/** `later` is 1 if the snapshot's activity is the later one, -1 if the stored one's is, 0 if they are equal. */
function mergeMessages(stored: readonly Message[], snapshot: readonly Message[], later: number): Message[] {
  const left = byIdentity(stored);
  const right = byIdentity(snapshot);
  const [base, other] = later > 0 ? [right, left] : [left, right];
  const content = (key: string): Message => {
    const [own, others] = [base.get(key), other.get(key)];
    if (own === undefined || others === undefined) return (own ?? others)!;
    if (isMarker(own) !== isMarker(others)) return isMarker(own) ? others : own;
    return later !== 0 ? own : preferred(own, others);
  };
  return placeMissing(base, other).map(content);
}

/** Messages under their identity; where several lack an id and are equal, each copy has a number of its own. */
function byIdentity(messages: readonly Message[]): Map<string, Message> {
  const found = new Map<string, Message>();
  const copies = new Map<string, number>();
  for (const message of messages) {
    let key = messageIdentity(message);
    if (key.startsWith('hash:')) {
      const copy = copies.get(key) ?? 0;
      copies.set(key, copy + 1);
      key = `${key}#${copy}`;
    }
    const twin = found.get(key);
    found.set(key, twin === undefined ? message : preferred(twin, message));
  }
  return found;
}

/** Of two contents of equal standing: the message before its marker, the longer canonical JSON, the greater in bytes. */
function preferred(a: Message, b: Message): Message {
  if (sameJson(a, b)) return a;
  if (isMarker(a) !== isMarker(b)) return isMarker(a) ? b : a;
  const [left, right] = [Buffer.from(canonicalJson(a)), Buffer.from(canonicalJson(b))];
  if (left.length !== right.length) return left.length > right.length ? a : b;
  return Buffer.compare(left, right) >= 0 ? a : b;
}

const instant = (text: string | undefined): number =>
  (text === undefined ? undefined : parseInstant(text)) ?? -Infinity;
