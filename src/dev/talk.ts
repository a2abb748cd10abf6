import { type Chance, type Chat, newChat } from './chats.ts';

export type Talk = {
  /** Every conversation so far. */
  chats: Chat[];
  chance: Chance;
  /** Says something, and has it answered. */
  takeTurn(chat: Chat): Promise<void>;
  isOver(): boolean;
};

const USERS = 20;
const PEOPLE = 20;
/** One that was begun so many conversations ago is not gone on with. */
const RECENT = 12;

/** So many conversations of so many turns, some people at a time; each speaks on without waiting for the worker. */
export async function talkOnce(
  { conversations, turns }: { conversations: number; turns: number },
  { chats, chance, takeTurn, isOver }: Talk,
): Promise<void> {
  const waiting = Array.from({ length: conversations }, () => newChat(chance, USERS, new Date()));
  const people = Array.from({ length: PEOPLE }, async () => {
    for (let chat = waiting.pop(); chat && !isOver(); chat = waiting.pop()) {
      chats.push(chat);
      for (let turn = 0; turn < turns && !isOver(); turn += 1) await takeTurn(chat);
    }
  });
  await Promise.all(people);
}

/** A turn at a time, of a new conversation or a recent one, with a pause behind each. */
export async function talkOn(
  pause: () => Promise<void>,
  { chats, chance, takeTurn, isOver }: Talk,
): Promise<void> {
  while (!isOver()) {
    const isNew = chats.length === 0 || chance.below(4) === 0;
    const chat = isNew
      ? newChat(chance, USERS, new Date())
      : chats[Math.max(0, chats.length - 1 - chance.below(RECENT))]!;
    if (isNew) chats.push(chat);
    await takeTurn(chat);
    await pause();
  }
}
