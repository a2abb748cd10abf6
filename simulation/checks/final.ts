import type { Broker, Queued } from '../world/broker.ts';
import type { Chat } from '../world/chat.ts';
import type { Announcement } from '../world/publisher.ts';
import { keyOf, type Store } from '../world/store.ts';
import type { World } from '../world/world.ts';
import type { Published } from './published.ts';
import { copiesOf, headOf, lacking, wholeOf } from './whole.ts';

type Given = {
  world: World;
  broker: Broker;
  store: Store;
  published: Published;
  chats: readonly Chat[];
  announcements: ReadonlyMap<Queued, Announcement>;
};

/** What must hold when all faults have ended and the workers had their time. */
export function checkEnd({ world, broker, store, published, chats, announcements }: Given): {
  paged: number;
} {
  let paged = 0;
  const counts = new Map(
    chats.map((chat) => {
      const item = store.heads.get(keyOf(chat));
      const whole = item && wholeOf(headOf(item), store.segments);
      if (whole?.missing) world.violate(`at the end a listed segment is missing: ${whole.missing}`);
      if (whole?.head.segments) paged += 1;
      return [chat, copiesOf(whole?.messages ?? [], chat)];
    }),
  );
  for (const queued of broker.queue) {
    const about = announcements.get(queued);
    const name = `e${queued.sequence}`;
    if (queued.state !== 'completed' && queued.state !== 'dead')
      world.violate(`${name} is left ${queued.state}`);
    if (world.plan.profile !== 'storm' && queued.deliveries > 1)
      world.violate(
        `${name} cost ${queued.deliveries} deliveries, although no process, lock or link was lost`,
      );
    if (queued.state !== 'completed' || !about) continue;
    const { chat, snapshotAtSend } = about;
    if (chat.hasGaps || chat.isDeleted || snapshotAtSend === undefined) continue;
    const snapshot = published.snapshotOf(chat.sessionId, snapshotAtSend);
    const lost = snapshot && lacking(snapshot.copies, counts.get(chat)!);
    if (lost) world.violate(`${name} is completed, and of what it announced is not stored: ${lost}`);
  }
  return { paged };
}
