import type { Chat } from '../world/chat.ts';
import type { Head, Item, Message } from '../world/store.ts';

/** A conversation as a reader sees it: the head, and before its messages those of the segments that it lists. */
export type Whole = {
  head: Head;
  messages: Message[];
  /** The listed segment that is not there. */
  missing: string | undefined;
};

/** Reads by the rules for readers, with code of its own. Undefined for an item that is no conversation. */
export function wholeOf(head: Head, segments: ReadonlyMap<string, string>): Whole | undefined {
  if (!Array.isArray(head.messages)) return undefined;
  const messages: Message[] = [];
  for (const { id, count } of head.segments ?? []) {
    const json = segments.get(id);
    if (json === undefined) return { head, messages, missing: id };
    const segment: { messages: Message[] } = JSON.parse(json);
    if (segment.messages.length !== count) return { head, messages, missing: `${count} of ${id}` };
    messages.push(...segment.messages);
  }
  return { head, messages: [...messages, ...head.messages], missing: undefined };
}

export const headOf = (item: Item): Head => JSON.parse(item.json);

/** How often each message is there, by what tells it from the others. */
export type Copies = ReadonlyMap<string, number>;

/**
 * A message is known by all that it says; by id and role where it may be edited, or kept as a marker. A repetition of one
 * that has an id is none.
 */
export function copiesOf(messages: readonly Message[], chat: Chat): Copies {
  const copies = new Map<string, number>();
  for (const message of messages) {
    const name = nameOf(message, chat);
    copies.set(name, (copies.get(name) ?? 0) + 1);
  }
  return copies;
}

export function nameOf(message: Message, { edits, hasOversized }: Chat): string {
  if (edits || hasOversized) return `${message.role} ${message.messageId}`;
  return JSON.stringify(Object.entries(message).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What of the one is not, or not so often, in the other. */
export function lacking(wanted: Copies, found: Copies): string | undefined {
  for (const [name, times] of wanted) if ((found.get(name) ?? 0) < times) return name;
  return undefined;
}

/** Whether a turn is among messages, or recent enough by the conversation's last activity (SPEC §1). */
export function showsTurn(
  conversation: { messages: readonly Message[]; lastActivity: string },
  { chatMessageId, completedAtMs }: { chatMessageId: string; completedAtMs: number },
): boolean {
  const isNamed = conversation.messages.some(
    ({ messageId }) => messageId === chatMessageId || String(messageId).startsWith(`${chatMessageId}_`),
  );
  return isNamed || completedAtMs - Date.parse(conversation.lastActivity) <= 60_000;
}
