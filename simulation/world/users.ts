import type { Chance } from '../chance.ts';
import type { Chat } from './chat.ts';
import { type Head, keyOf, type Store } from './store.ts';
import type { World } from './world.ts';

/** People rename their conversations, pin them and, rarely, delete them: by conditional writes of their own. */
export function makeUsers(world: World, chats: readonly Chat[], store: Store, chance: Chance): void {
  const { clock, plan } = world;

  function change(chat: Chat, act: (head: Head) => Head): void {
    const item = store.heads.get(keyOf(chat));
    if (!item || chat.kind !== 'good' || chat.isDeleted) return;
    const head: Head = JSON.parse(item.json);
    // Somebody may write between what a user sees and what the user saves.
    clock.after(chance.between(0, 40), () => {
      const result = store.replace(keyOf(chat), act(head), item.etag, 'user');
      world.trace.note(`user changes ${chat.sessionId}: ${result}`);
      if (result === 'conflict') change(chat, act);
    });
  }

  for (const chat of chats) {
    const times = chance.pick([0, 0, 0, 1, 2, 3]);
    for (let number = 0; number < times; number += 1)
      clock.after(chance.between(0, plan.spanMs * 1.2), () => {
        const name = `Renamed ${chat.index} ${number}`;
        change(chat, (head) => ({ ...head, title: name, pinned: number }));
      });
    if (chance.happens(0.06))
      clock.after(chance.between(0, plan.spanMs * 1.2), () => {
        change(chat, (head) => ({ ...head, deletedAt: new Date(clock.nowMs).toISOString() }));
      });
  }
}
