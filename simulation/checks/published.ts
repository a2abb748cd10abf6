import type { Chat } from '../world/chat.ts';
import type { Version } from '../world/redis.ts';
import type { Message } from '../world/store.ts';
import { type Copies, copiesOf } from './whole.ts';

export type Snapshot = {
  sessionId: string;
  userId: string;
  lastActivity: string;
  messages: Message[];
  copies: Copies;
};

/** What Redis held at some time, read once: undefined where that is no conversation. */
export function makePublished(chatOf: (sessionId: string) => Chat) {
  const snapshots = new Map<string, Snapshot | undefined>();

  function snapshotOf(sessionId: string, value: string): Snapshot | undefined {
    if (!snapshots.has(value)) snapshots.set(value, parse(chatOf(sessionId), value));
    return snapshots.get(value);
  }

  return {
    snapshotOf,
    /** For each message the largest number of copies in one snapshot. */
    mostOf(sessionId: string, versions: readonly Version[]): Copies {
      const most = new Map<string, number>();
      for (const { value } of versions)
        for (const [name, times] of (value && snapshotOf(sessionId, value)?.copies) || [])
          most.set(name, Math.max(most.get(name) ?? 0, times));
      return most;
    },
  };
}

export type Published = ReturnType<typeof makePublished>;

function parse(chat: Chat, value: string): Snapshot | undefined {
  if (chat.kind === 'garbage') return undefined;
  const snapshot: Omit<Snapshot, 'copies'> = JSON.parse(value);
  return { ...snapshot, copies: copiesOf(snapshot.messages, chat) };
}
